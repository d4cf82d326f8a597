//! The words that tell feelings, topics and people, and what somebody wants of the counselor.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::style::Register;
use super::text::{Found, Pattern, Text};

/// A feeling that somebody may name or show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Emotion {
    Anxiety,
    Sadness,
    Anger,
    Loneliness,
    Guilt,
    Shame,
    Stress,
    Exhaustion,
    Emptiness,
    Hurt,
    Envy,
    Confusion,
    Hope,
    Joy,
    Calm,
}

impl Emotion {
    #[cfg(test)]
    pub(super) const ALL: [Self; 15] = [
        Self::Anxiety,
        Self::Sadness,
        Self::Anger,
        Self::Loneliness,
        Self::Guilt,
        Self::Shame,
        Self::Stress,
        Self::Exhaustion,
        Self::Emptiness,
        Self::Hurt,
        Self::Envy,
        Self::Confusion,
        Self::Hope,
        Self::Joy,
        Self::Calm,
    ];

    pub(super) fn is_pleasant(self) -> bool {
        matches!(self, Self::Hope | Self::Joy | Self::Calm)
    }

    /// Feelings that people name for want of a closer word give way to the closer word.
    pub(super) fn is_vague(self) -> bool {
        matches!(self, Self::Exhaustion | Self::Stress | Self::Confusion)
    }
}

/// What people talk about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Topic {
    Work,
    Study,
    Future,
    Family,
    Partner,
    Friends,
    Health,
    Sleep,
    Money,
    SelfWorth,
    Loss,
}

impl Topic {
    #[cfg(test)]
    pub(super) const ALL: [Self; 11] = [
        Self::Work,
        Self::Study,
        Self::Future,
        Self::Family,
        Self::Partner,
        Self::Friends,
        Self::Health,
        Self::Sleep,
        Self::Money,
        Self::SelfWorth,
        Self::Loss,
    ];
}

/// What a message wants of the counselor, apart from being heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    /// Are you a human being?
    Human,
    /// Who are you?
    Who,
    /// What can you do? Does talking help?
    Able,
    /// Who reads this?
    Privacy,
    /// A diagnosis, a medicine.
    Medical,
    /// How are you?
    HowAreYou,
    /// You do not understand; you repeat yourself.
    Repair,
    /// Abuse of the counselor.
    Hostile,
    /// Do not advise, just listen.
    ListenOnly,
    /// What shall I do? What do you think?
    Advice,
    /// I will try it.
    Commit,
    Hello,
    Thanks,
    Bye,
}

/// Messages that are an answer as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Short {
    Yes,
    No,
    Unsure,
    /// "Just because", "nothing".
    Nothing,
}

/// The lexicon of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lexicon {
    /// Feelings by their names.
    pub(super) emotion: BTreeMap<Emotion, Vec<Pattern>>,
    /// What happens to people or what they do, and the feeling that often goes with it.
    pub(super) sign: BTreeMap<Emotion, Vec<Pattern>>,
    pub(super) topic: BTreeMap<Topic, Vec<NamedPattern>>,
    /// People, by the topic that talking of them belongs to.
    pub(super) person: BTreeMap<Topic, Vec<NamedPattern>>,
    pub(super) wish: BTreeMap<Wish, Vec<Pattern>>,
    /// Wishes that are a message as a whole, without spaces and signs.
    pub(super) whole: BTreeMap<Wish, Vec<String>>,
    /// Answers that are a message as a whole, without spaces and signs.
    pub(super) short: BTreeMap<Short, Vec<String>>,
    /// Idioms that hold words of the lexicon and mean something else.
    pub(super) idioms: Vec<Pattern>,
}

/// A pattern, and what the counselor calls that which it finds: `엄마 = 어머니 | 엄마`, formal and casual.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct NamedPattern {
    pub(super) pattern: Pattern,
    pub(super) name: Name,
}

/// What the counselor calls something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    formal: String,
    casual: String,
}

impl Name {
    pub(super) fn choose(&self, register: Register) -> &str {
        register.choose(&self.formal, &self.casual)
    }
}

impl From<String> for NamedPattern {
    fn from(written: String) -> Self {
        let (pattern, name) = written.split_once('=').unwrap_or((&written, &written));
        let (formal, casual) = name.split_once('|').unwrap_or((name, name));
        let called = |name: &str| name.trim_matches([' ', '^', '$', '*']).to_owned();
        Self { pattern: Pattern::new(pattern), name: Name { formal: called(formal), casual: called(casual) } }
    }
}

/// Whether a feeling is named only to say that it is not there: "안 슬퍼요", "불안하지 않아요", "not sad".
pub(super) fn is_denied(text: &Text, found: Found) -> bool {
    const KOREAN: [&str; 14] = [
        "지않",
        "지는않",
        "진않",
        "지도않",
        "하지않",
        "하지는않",
        "하진않",
        "하지도않",
        "은없",
        "은아니",
        "은안",
        "하지마",
        "한건아니",
        "한것은아니",
    ];
    const ENGLISH: [&str; 7] = ["not", "never", "no", "without", "hardly", "isn't", "wasn't"];
    if found.is_hangul() {
        let after = text.after(found);
        return text.word_before(found) == "안" || KOREAN.iter().any(|denial| after.starts_with(denial));
    }
    let before = text.before(found);
    let mut near = before.split_whitespace().rev().take(3).take_while(|word| *word != ".");
    near.any(|word| ENGLISH.contains(&word) || word.ends_with("n't"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(pattern: &str, text: &str) -> bool {
        let text = Text::new(text);
        is_denied(&text, Pattern::new(pattern).find(&text).unwrap())
    }

    #[test]
    fn a_denied_feeling_is_not_felt() {
        assert!(denied("슬퍼", "이제 안 슬퍼요"));
        assert!(denied("불안", "불안하지 않아요"));
        assert!(denied("걱정", "걱정은 없어요"));
        assert!(denied("sad", "I'm not really sad"));
        assert!(denied("happy", "I don't feel happy"));
    }

    #[test]
    fn a_denial_of_something_else_leaves_the_feeling() {
        assert!(!denied("외로", "외로워요. 친구도 없어요"));
        assert!(!denied("lonely", "I have no one at home in the evenings and I'm lonely"));
    }

    #[test]
    fn a_name_may_depend_on_the_register() {
        let named = NamedPattern::from("엄마 = 어머니 | 엄마".to_owned());
        assert_eq!(named.name.choose(Register::Formal), "어머니");
        assert_eq!(named.name.choose(Register::Casual), "엄마");
        assert_eq!(NamedPattern::from("^야근$".to_owned()).name.choose(Register::Casual), "야근");
    }
}
