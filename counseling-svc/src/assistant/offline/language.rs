//! Which language somebody writes.

use super::particles::Particle;
use crate::assistant::Persona;

/// The languages that the offline counselor listens and speaks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

impl Language {
    /// Several nouns as one.
    pub(super) fn list(self, nouns: &[String]) -> String {
        match (self, nouns) {
            (_, []) => String::new(),
            (_, [only]) => only.clone(),
            (Self::Korean, [first, second]) => {
                let and = Particle::named("과").map_or("와", |particle| particle.after(first));
                format!("{first}{and} {second}")
            }
            (Self::Korean, [first @ .., last]) => format!("{}, 그리고 {last}", first.join(", ")),
            (Self::English, [first @ .., last]) => format!("{} and {last}", first.join(", ")),
        }
    }

    /// Several adjectives as one: 지치고 불안한; tired and anxious.
    pub(super) fn join_adjectives(self, joined: &[&str], last: &str) -> String {
        match (self, joined) {
            (_, []) => last.to_owned(),
            (Self::Korean, joined) => format!("{} {last}", joined.join(" ")),
            (Self::English, joined) => format!("{} and {last}", joined.join(", ")),
        }
    }
}

/// What the letters of a text say about its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// One of ours.
    Known(Language),
    /// Letters, but of neither: Japanese, Arabic, …
    Foreign,
    /// No letters: digits, signs, emoji, nothing.
    None,
}

impl Script {
    /// Korean as soon as three letters in ten are Hangul: Korean sentences hold English words, hardly ever the reverse.
    pub(super) fn of(text: &str) -> Self {
        let (mut hangul, mut latin, mut other) = (0_usize, 0_usize, 0_usize);
        for letter in text.chars().filter(|c| c.is_alphabetic()) {
            match letter {
                _ if is_hangul(letter) => hangul += 1,
                'a'..='z' | 'A'..='Z' | 'À'..='ɏ' => latin += 1,
                _ => other += 1,
            }
        }
        match hangul + latin {
            known if other > known => Self::Foreign,
            0 => Self::None,
            known if hangul * 10 >= known * 3 => Self::Known(Language::Korean),
            _ => Self::Known(Language::English),
        }
    }
}

/// The language of a counselor, by name, description and prompt. English when none of them tells.
pub(super) fn of_persona(persona: &Persona) -> Language {
    let told = [&persona.counselor_name, &persona.description, &persona.prompt].map(|text| Script::of(text));
    if told.contains(&Script::Known(Language::Korean)) { Language::Korean } else { Language::English }
}

/// A Hangul syllable or a single jamo, such as in `ㅋㅋ` and `ㅠㅠ`.
pub(super) fn is_hangul(letter: char) -> bool {
    matches!(letter, '가'..='힣' | 'ㄱ'..='ㆎ' | '\u{1100}'..='\u{11ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_hangul_decides() {
        for text in ["오늘 힘들었어요", "ㅠㅠ", "PPT 발표가 걱정돼요", "OK 알겠어요"] {
            assert_eq!(Script::of(text), Script::Known(Language::Korean), "{text}");
        }
        for text in ["I'm tired", "My friend 민수 said I should talk to someone about it", "café"] {
            assert_eq!(Script::of(text), Script::Known(Language::English), "{text}");
        }
    }

    #[test]
    fn a_text_without_letters_has_no_language() {
        for text in ["", "...", "123", "😢😢"] {
            assert_eq!(Script::of(text), Script::None, "{text}");
        }
        assert_eq!(Script::of("疲れました"), Script::Foreign);
    }

    #[test]
    fn a_persona_speaks_the_language_it_is_described_in() {
        let persona = |name: &str, description: &str| Persona {
            counselor_name: name.into(),
            description: description.into(),
            prompt: String::new(),
        };
        assert_eq!(of_persona(&persona("Luna", "밤에 이야기를 들어 주는 상담사")), Language::Korean);
        assert_eq!(of_persona(&persona("Grace", "A calm listener")), Language::English);
    }
}
