//! All that the offline counselor can say in one language.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lexicon::{Emotion, Short, Topic, Wish};
use super::phrase::Pool;
use super::style::Move;
use crate::assistant::RiskKind;

/// The phrases of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrasebook {
    /// First words of a counsel.
    pub(super) greet: Pool,
    pub(super) wish: BTreeMap<Wish, Pool>,
    pub(super) short: BTreeMap<Short, Pool>,
    pub(super) wordless: Wordless,
    pub(super) feeling: BTreeMap<Emotion, FeelingPhrases>,
    pub(super) topic: BTreeMap<Topic, TopicPhrases>,
    #[serde(rename = "move")]
    pub(super) moves: BTreeMap<Move, MovePhrases>,
    pub(super) listen: Listening,
    pub(super) summary: Summary,
    pub(super) scale: Scale,
    pub(super) care: Care,
}

/// Answers to what is not words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wordless {
    pub(super) laugh: Pool,
    pub(super) tears: Pool,
    pub(super) silence: Pool,
    pub(super) gibberish: Pool,
    pub(super) foreign: Pool,
}

/// How to speak of a feeling.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeelingPhrases {
    /// The feeling as an adjective, as the last or only one of a list.
    pub(super) last: String,
    /// The feeling as an adjective that another one follows.
    pub(super) joined: String,
    /// Reflections that name what it is about: `{topic}`.
    pub(super) about: Pool,
    /// Reflections of the feeling alone.
    pub(super) alone: Pool,
    /// Why the feeling makes sense.
    pub(super) validate: Pool,
    pub(super) ask: Pool,
    /// Questions that help to see it differently; may be empty.
    #[serde(default)]
    pub(super) reframe: Pool,
}

/// How to speak of a topic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicPhrases {
    /// What to call it when the user's own word is not at hand.
    pub(super) label: String,
    /// That it was heard; no feeling was named.
    pub(super) nod: Pool,
    pub(super) ask: Pool,
    /// Small things that help some people.
    pub(super) step: Pool,
}

/// What a technique says after the reflection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MovePhrases {
    /// Before the question; may be empty.
    #[serde(default)]
    pub(super) lead: Pool,
    pub(super) ask: Pool,
}

/// Listening, whatever the technique.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listening {
    /// Thanks for the first thing that is told.
    pub(super) first: Pool,
    /// The user's own words: `{echo}`.
    pub(super) echo: Pool,
    /// The user's own words where they hurt.
    pub(super) echo_moved: Pool,
    /// A short answer to a question: `{quote}`.
    pub(super) quote: Pool,
    /// Several feelings at once: `{feelings}`.
    pub(super) mixed: Pool,
    /// That `{person}` was heard.
    pub(super) person: Pool,
    pub(super) ask_person: Pool,
    /// Neither feeling nor topic was understood.
    pub(super) generic: Pool,
    /// That a feeling makes sense, whichever it is.
    pub(super) validate: Pool,
    /// Room to go on, without a question.
    pub(super) invite: Pool,
    /// Open questions that suppose no feeling.
    pub(super) open: Pool,
    /// Asks for the feeling in what was told without one.
    pub(super) ask_feeling: Pool,
    /// Questions that are easy to answer, for somebody who does not know.
    pub(super) easy: Pool,
    /// Brings back `{past}`, said earlier, beside what is said now.
    pub(super) recall: Pool,
    /// Back to `{past}` after something else, or after a word that tells nothing new.
    pub(super) back: Pool,
    /// Much was told at once.
    pub(super) much: Pool,
    /// Of several things, `{topics}`, which first?
    pub(super) which: Pool,
    /// Whether a suggestion fits.
    pub(super) fits: Pool,
    /// Small things that help some people, whatever the topic.
    pub(super) step: Pool,
}

/// What was told so far.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    /// With `{topics}` and `{feelings}`.
    pub(super) both: Pool,
    /// With `{topics}` only.
    pub(super) topics: Pool,
    /// With `{feelings}` only.
    pub(super) feelings: Pool,
    pub(super) check: Pool,
}

/// Answers to a number from 0 to 10: `{n}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    pub(super) low: Pool,
    pub(super) middle: Pool,
    pub(super) high: Pool,
}

/// What is said when somebody is in danger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Care {
    pub(super) kind: BTreeMap<RiskKind, KindOfCare>,
    /// That the counselor keeps listening.
    pub(super) stay: Pool,
    /// Somebody else thinks of suicide.
    pub(super) other: Pool,
    pub(super) ask_other: Pool,
    /// Somebody was lost to suicide.
    pub(super) bereaved: Pool,
    pub(super) ask_bereaved: Pool,
    /// Is anybody there?
    pub(super) ask_company: Pool,
    pub(super) company: Pool,
    pub(super) no_company: Pool,
    /// The danger was named to say that there is none.
    pub(super) denied: Pool,
}

/// Care for one kind of danger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindOfCare {
    /// That the pain was heard.
    pub(super) open: Pool,
    /// Directly and gently: are you safe?
    pub(super) ask: Pool,
    /// What "yes" to that question means.
    pub(super) yes_means: Answer,
    /// The way to immediate help.
    pub(super) lines: Pool,
    /// What nobody's way to help may leave out.
    pub(super) numbers: Vec<String>,
    /// It may happen now.
    pub(super) urgent: Pool,
    /// The question was answered: in danger.
    pub(super) danger: Pool,
    /// The question was answered: safe.
    pub(super) safe: Pool,
    /// The question was answered: I do not know.
    pub(super) unsure: Pool,
    /// The turn after: how is it now?
    pub(super) check_in: Pool,
    /// Later turns: help stays near.
    pub(super) near: Pool,
}

/// What an answer to the question about safety means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Danger,
    Safe,
}
