//! The way to immediate help, for answers that are not the offline counselor's own.

use super::language::Language;
use super::phrase::Slots;
use super::style::{Register, Style};
use super::{OfflineAssistant, language_of, usual_language};
use crate::assistant::{RiskKind, Scene, Turn};

/// The way to immediate help, in the language and the voice of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Help {
    /// What to say.
    pub(crate) lines: String,
    numbers: Vec<String>,
}

impl Help {
    /// Whether a text gives it already.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.numbers.iter().all(|number| holds_number(text, number))
    }
}

/// Whether it stands there by itself, and not as a part of another number.
fn holds_number(text: &str, number: &str) -> bool {
    text.match_indices(number).any(|(at, _)| {
        let beside = [text[..at].chars().next_back(), text[at + number.len()..].chars().next()];
        !beside.into_iter().flatten().any(|letter| letter.is_ascii_digit())
    })
}

impl OfflineAssistant {
    /// The way to help for a danger, in the language of the turn's message.
    pub(crate) fn help(&self, turn: &Turn, kind: RiskKind) -> Option<Help> {
        let style = Style::of(&turn.scene.tone);
        let care = self.tongue(self.language_of_turn(turn)).book.care.kind.get(&kind)?;
        let lines = care
            .lines
            .iter()
            .filter(|phrase| phrase.fits(style))
            .find_map(|phrase| phrase.render(style.register, &Slots::new()))?;
        Some(Help { lines, numbers: care.numbers.clone() })
    }

    /// Whether a turn is answered in a casual register.
    pub(crate) fn answers_casually(turn: &Turn) -> bool {
        Style::of(&turn.scene.tone).register == Register::Casual
    }

    /// Whether a turn is to be answered in Korean; in English otherwise.
    pub(crate) fn answers_in_korean(&self, turn: &Turn) -> bool {
        self.language_of_turn(turn) == Language::Korean
    }

    /// Whether a counsel is opened in Korean; in English otherwise.
    pub(crate) fn greets_in_korean(scene: &Scene) -> bool {
        usual_language(scene, Style::of(&scene.tone)) == Language::Korean
    }

    fn language_of_turn(&self, turn: &Turn) -> Language {
        let usual = usual_language(&turn.scene, Style::of(&turn.scene.tone));
        language_of(&turn.message, &self.remember(&turn.history, usual), usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_inside_another_is_not_there() {
        assert!(holds_number("전화 109번으로", "109"));
        assert!(holds_number("call or text 988.", "988"));
        assert!(!holds_number("call 1988 or 9881", "988"));
    }
}
