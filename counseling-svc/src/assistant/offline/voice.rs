//! Says phrases, and never one that it has just said.

use super::chance::Chance;
use super::language::Language;
use super::phrase::{Phrase, Slots};
use super::style::Style;

/// A reply that is being put together.
pub(super) struct Voice<'a> {
    language: Language,
    style: Style,
    /// What the counselor said before, in lower case, oldest first.
    spoken: &'a [String],
    pub(super) slots: Slots,
    pub(super) chance: Chance,
    said: Vec<String>,
    asked: bool,
}

impl<'a> Voice<'a> {
    pub(super) fn new(language: Language, style: Style, spoken: &'a [String], chance: Chance) -> Self {
        Self { language, style, spoken, slots: Slots::new(), chance, said: Vec::new(), asked: false }
    }

    /// Says one of these. When each was said before, the one that lies back longest.
    pub(super) fn say(&mut self, pool: &[Phrase]) -> bool {
        self.say_fresh(pool) || self.say_again(pool)
    }

    /// Says one of these that was not said before in this counsel, if there is one left.
    pub(super) fn say_fresh(&mut self, pool: &[Phrase]) -> bool {
        let fresh = |voice: &Self, phrase: &Phrase| voice.age(phrase).is_none();
        let left: Vec<&Phrase> = pool.iter().filter(|p| self.can_say(p) && fresh(self, p)).collect();
        let special: Vec<&Phrase> = left.iter().copied().filter(|phrase| phrase.is_special()).collect();
        // What was written for this manner gives the voice its colour, so it comes first most of the time.
        let preferred = if special.is_empty() || self.chance.one_in(4) { left } else { special };
        let chosen = self.chance.below(preferred.len());
        preferred.get(chosen).is_some_and(|phrase| self.utter(phrase))
    }

    /// What comes next begins a paragraph.
    pub(super) fn break_paragraph(&mut self) {
        if !self.said.is_empty() {
            self.said.push("\n\n".to_owned());
        }
    }

    /// Whether a question was asked in this reply. One is enough.
    pub(super) fn has_asked(&self) -> bool {
        self.asked
    }

    /// Whether nothing was said yet.
    pub(super) fn is_silent(&self) -> bool {
        self.said.is_empty()
    }

    /// The reply.
    pub(super) fn text(self) -> String {
        let mut text = String::new();
        for part in &self.said {
            if !(text.is_empty() || text.ends_with('\n') || part.starts_with('\n')) {
                text.push(' ');
            }
            text.push_str(part);
        }
        text.trim().to_owned()
    }

    fn say_again(&mut self, pool: &[Phrase]) -> bool {
        let oldest = pool.iter().filter(|phrase| self.can_say(phrase)).min_by_key(|phrase| self.age(phrase));
        oldest.is_some_and(|phrase| self.utter(phrase))
    }

    fn can_say(&self, phrase: &Phrase) -> bool {
        phrase.fits(self.style)
            && !(self.asked && phrase.asks())
            && phrase.render(self.style.register, &self.slots).is_some()
    }

    /// When the phrase was said last: the greater, the later; `None`: never.
    fn age(&self, phrase: &Phrase) -> Option<usize> {
        if self.said.iter().any(|part| phrase.is_said_in(&part.to_lowercase())) {
            return Some(usize::MAX);
        }
        self.spoken.iter().rposition(|text| phrase.is_said_in(text))
    }

    fn utter(&mut self, phrase: &Phrase) -> bool {
        let Some(text) = phrase.render(self.style.register, &self.slots) else { return false };
        self.asked |= phrase.asks();
        self.said.push(match self.language {
            Language::Korean => text,
            Language::English => capitalized(&text),
        });
        true
    }
}

/// A blank may begin a sentence.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::offline::style::{Manner, Register};

    const CALM: Style = Style { register: Register::Formal, manner: Manner::Calm, language: None };

    fn pool(phrases: &[&str]) -> Vec<Phrase> {
        phrases.iter().map(|written| Phrase::try_from((*written).to_owned()).unwrap()).collect()
    }

    fn voice(spoken: &[String]) -> Voice<'_> {
        Voice::new(Language::English, CALM, spoken, Chance::new(1, std::iter::empty()))
    }

    #[test]
    fn what_was_said_is_not_said_again_while_something_else_is_left() {
        let spoken = ["i hear you.".to_owned()];
        let mut voice = voice(&spoken);
        assert!(voice.say_fresh(&pool(&["I hear you.", "Go on."])));
        assert_eq!(voice.text(), "Go on.");
    }

    #[test]
    fn when_all_was_said_the_oldest_returns() {
        let spoken = ["go on.".to_owned(), "i hear you.".to_owned()];
        let phrases = pool(&["I hear you.", "Go on."]);
        assert!(!voice(&spoken).say_fresh(&phrases));
        let mut voice = voice(&spoken);
        assert!(voice.say(&phrases));
        assert_eq!(voice.text(), "Go on.");
    }

    #[test]
    fn a_reply_asks_once() {
        let mut voice = voice(&[]);
        assert!(voice.say(&pool(&["How so?"])));
        assert!(!voice.say(&pool(&["And why?"])));
        assert_eq!(voice.text(), "How so?");
    }

    #[test]
    fn a_voice_says_nothing_that_is_written_for_another() {
        let mut voice = voice(&[]);
        assert!(!voice.say(&pool(&["@playful Ha!"])));
        assert!(voice.is_silent());
    }

    #[test]
    fn a_blank_at_the_start_is_capitalized() {
        let mut voice = voice(&[]);
        voice.slots.insert("topic", "your exams".to_owned());
        assert!(voice.say(&pool(&["{topic}, then."])));
        assert_eq!(voice.text(), "Your exams, then.");
    }
}
