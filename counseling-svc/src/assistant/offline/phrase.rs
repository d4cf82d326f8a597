//! Phrases: sentences with blanks, written once for both registers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::particles::Particle;
use super::style::{Manner, Register, Style};

/// Phrases that can stand for one another.
pub(super) type Pool = Vec<Phrase>;

/// What fills the blanks of phrases, by name.
pub(super) type Slots = BTreeMap<&'static str, String>;

/// A sentence or two to say.
///
/// Written as `@calm @formal text`, the tags being optional and naming whose voice it fits. In the text `[어요|어]` is
/// said formally or casually, `{topic}` is a blank, and `{topic:이}` a blank with the particle that fits its ending.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Phrase {
    pieces: Vec<Piece>,
    register: Option<Register>,
    manners: Vec<Manner>,
    /// What gives the phrase away in a text, for each register: its longest run without a blank, in lower case.
    traces: [String; 2],
}

#[derive(Debug, Clone)]
enum Piece {
    Plain(String),
    ByRegister { formal: String, casual: String },
    Blank { name: String, particle: Option<Particle> },
}

/// A phrase that is not written as phrases are.
#[derive(Debug, thiserror::Error)]
pub(super) enum PhraseError {
    #[error("unknown tag `{0}`")]
    UnknownTag(String),
    #[error("unknown particle `{0}`")]
    UnknownParticle(String),
    #[error("`{0}` is never closed, or not of the form [formal|casual]")]
    Malformed(String),
}

impl TryFrom<String> for Phrase {
    type Error = PhraseError;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let (mut register, mut manners) = (None, Vec::new());
        let mut text = written.trim();
        while let Some(rest) = text.strip_prefix('@') {
            let (tag, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            match (Register::named(tag), Manner::named(tag)) {
                (Some(named), _) => register = Some(named),
                (_, Some(named)) => manners.push(named),
                _ => return Err(PhraseError::UnknownTag(tag.to_owned())),
            }
            text = rest.trim_start();
        }
        let pieces = parse(text)?;
        let traces = [Register::Formal, Register::Casual].map(|register| trace(&pieces, register));
        Ok(Self { pieces, register, manners, traces })
    }
}

impl Phrase {
    /// Whether this voice would say it.
    pub(super) fn fits(&self, style: Style) -> bool {
        self.register.is_none_or(|register| register == style.register)
            && (self.manners.is_empty() || self.manners.contains(&style.manner))
    }

    /// Whether it was written for some manners only.
    pub(super) fn is_special(&self) -> bool {
        !self.manners.is_empty()
    }

    /// Whether it is or holds a question.
    pub(super) fn asks(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Plain(text) => text.contains('?'),
            Piece::ByRegister { formal, .. } => formal.contains('?'),
            Piece::Blank { .. } => false,
        })
    }

    /// Whether some text, in lower case, says it, whatever was in its blanks.
    pub(super) fn is_said_in(&self, text: &str) -> bool {
        self.traces.iter().any(|trace| !trace.is_empty() && text.contains(trace))
    }

    /// The words, if every blank can be filled.
    pub(super) fn render(&self, register: Register, slots: &Slots) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::ByRegister { formal, casual } => text.push_str(register.choose(formal, casual)),
                Piece::Blank { name, particle } => {
                    let filling = slots.get(name.as_str())?;
                    text.push_str(filling);
                    text.push_str(particle.map_or("", |particle| particle.after(filling)));
                }
            }
        }
        Some(text)
    }

    /// The names of its blanks.
    #[cfg(test)]
    pub(super) fn blanks(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Blank { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

fn parse(mut text: &str) -> Result<Vec<Piece>, PhraseError> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (plain, rest) = text.split_at(text.find(['[', '{']).unwrap_or(text.len()));
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain.to_owned()));
        }
        if rest.is_empty() {
            break;
        }
        let malformed = || PhraseError::Malformed(rest.to_owned());
        let close = if rest.starts_with('[') { ']' } else { '}' };
        let (inside, rest) = rest[1..].split_once(close).ok_or_else(malformed)?;
        pieces.push(match close {
            ']' => {
                let (formal, casual) = inside.split_once('|').ok_or_else(malformed)?;
                Piece::ByRegister { formal: formal.to_owned(), casual: casual.to_owned() }
            }
            _ => {
                let (name, particle) = match inside.split_once(':') {
                    Some((name, form)) => {
                        let unknown = || PhraseError::UnknownParticle(form.to_owned());
                        (name, Some(Particle::named(form).ok_or_else(unknown)?))
                    }
                    None => (inside, None),
                };
                Piece::Blank { name: name.to_owned(), particle }
            }
        });
        text = rest;
    }
    Ok(pieces)
}

fn trace(pieces: &[Piece], register: Register) -> String {
    let mut runs = vec![String::new()];
    for piece in pieces {
        match (piece, runs.last_mut()) {
            (Piece::Plain(plain), Some(run)) => run.push_str(plain),
            (Piece::ByRegister { formal, casual }, Some(run)) => {
                run.push_str(register.choose(formal, casual))
            }
            _ => runs.push(String::new()),
        }
    }
    let longest = runs.into_iter().max_by_key(|run| run.trim().len()).unwrap_or_default();
    longest.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(written: &str) -> Phrase {
        Phrase::try_from(written.to_owned()).unwrap()
    }

    fn slots(topic: &str) -> Slots {
        Slots::from([("topic", topic.to_owned())])
    }

    #[test]
    fn one_phrase_speaks_both_registers() {
        let phrase = phrase("{topic:이} 많이 버거[우셨겠어요|웠겠다].");
        let text = |register| phrase.render(register, &slots("회사 일")).unwrap();
        assert_eq!(text(Register::Formal), "회사 일이 많이 버거우셨겠어요.");
        assert_eq!(text(Register::Casual), "회사 일이 많이 버거웠겠다.");
    }

    #[test]
    fn a_blank_that_nothing_fills_silences_the_phrase() {
        assert_eq!(phrase("What about {person}?").render(Register::Formal, &slots("work")), None);
    }

    #[test]
    fn tags_say_whose_voice_it_is() {
        let style = |register, manner| Style { register, manner, language: None };
        let tagged = phrase("@casual @playful 토닥토닥.");
        assert!(tagged.fits(style(Register::Casual, Manner::Playful)));
        assert!(!tagged.fits(style(Register::Formal, Manner::Playful)));
        assert!(!tagged.fits(style(Register::Casual, Manner::Direct)));
        assert!(phrase("그랬구나.").fits(style(Register::Formal, Manner::Direct)));
    }

    #[test]
    fn a_phrase_is_recognized_whatever_filled_its_blanks() {
        let phrase = phrase("{topic} 생각만 하면 마음이 조마조마해[지시는군요|지는구나].");
        assert!(phrase.is_said_in("시험 생각만 하면 마음이 조마조마해지시는군요. 그렇군요."));
        assert!(phrase.is_said_in("돈 생각만 하면 마음이 조마조마해지는구나."));
        assert!(!phrase.is_said_in("생각만 하면"));
    }

    #[test]
    fn what_is_written_wrongly_is_refused() {
        for written in ["@loud hello", "{topic:줄} 것", "[어요", "[어요] 끝"] {
            assert!(Phrase::try_from(written.to_owned()).is_err(), "{written}");
        }
    }
}
