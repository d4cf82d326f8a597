//! The default assistant: a listener made of rules, which needs no network and answers the same turn alike.
//!
//! It listens in the spirit of person-centred counseling (Carl Rogers) and speaks with the means of motivational
//! interviewing: open questions, affirmations, reflections, summaries. A turn runs through it in this order:
//!
//! 1. [`style`] reads from the prompts in which voice to speak and what the technique does;
//! 2. [`memory`] and [`reading`] find feelings, topics, people and wishes in what was and is said, by the [`lexicon`];
//! 3. [`safety`] looks for danger, and [`care`] answers it before anything else;
//! 4. [`talk`] and [`listening`] put an answer together: a reflection, the technique's part, one question at most;
//! 5. [`voice`] says it in phrases of the [`phrasebook`], none of which it has said in this counsel before.
//!
//! What a counsel is about, and a summary of it, comes from [`analysis`].
//!
//! What it knows of words is data, in `content/offline/`, so that somebody who knows people can mend it without Rust.

use futures::future::BoxFuture;

use self::analysis::Signs;
pub(crate) use self::analysis::cut;
use self::chance::Chance;
pub(crate) use self::help::Help;
use self::language::{Language, Script};
use self::lexicon::Lexicon;
use self::memory::Memory;
use self::phrasebook::Phrasebook;
use self::reading::{Intent, Reading};
pub use self::screen::RiskScreen;
use self::style::{Manner, Move, Register, Style};
use self::talk::Talk;
use self::voice::Voice;
use super::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, Reply, Risk, Scene, Summary, Turn, Usage, Utterance,
};

mod analysis;
mod care;
mod chance;
mod echo;
mod help;
mod language;
mod lexicon;
mod listening;
mod memory;
mod particles;
mod phrase;
mod phrasebook;
mod reading;
mod safety;
mod screen;
mod style;
mod talk;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod voice;

/// The offline counselor.
///
/// Its answer is decided by the turn alone, [`Scene::seed`] included. The temperature of a technique does not matter
/// to it.
#[derive(Debug)]
pub struct OfflineAssistant {
    korean: Tongue,
    english: Tongue,
    safety: RiskScreen,
}

/// What it knows of one language.
#[derive(Debug)]
struct Tongue {
    lexicon: Lexicon,
    book: Phrasebook,
    signs: Signs,
}

/// The words of the offline counselor cannot be read. They are compiled in, so a test finds it before a user does.
#[derive(Debug, thiserror::Error)]
#[error("content/offline/{file} cannot be read: {reason}")]
pub struct OfflineContentError {
    file: &'static str,
    reason: String,
}

impl OfflineAssistant {
    /// Reads the words it knows, which are compiled in.
    pub fn new() -> Result<Self, OfflineContentError> {
        Ok(Self {
            korean: Tongue {
                lexicon: read("lexicon.ko.toml", include_str!("../../../content/offline/lexicon.ko.toml"))?,
                book: read("phrases.ko.toml", include_str!("../../../content/offline/phrases.ko.toml"))?,
                signs: read("signs.ko.toml", include_str!("../../../content/offline/signs.ko.toml"))?,
            },
            english: Tongue {
                lexicon: read("lexicon.en.toml", include_str!("../../../content/offline/lexicon.en.toml"))?,
                book: read("phrases.en.toml", include_str!("../../../content/offline/phrases.en.toml"))?,
                signs: read("signs.en.toml", include_str!("../../../content/offline/signs.en.toml"))?,
            },
            safety: RiskScreen::new()?,
        })
    }

    fn answer(&self, turn: &Turn) -> Reply {
        let style = Style::of(&turn.scene.tone);
        let usual = usual_language(&turn.scene, style);
        let memory = self.remember(&turn.history, usual);
        let language = language_of(&turn.message, &memory, usual);
        let Tongue { lexicon, book, .. } = self.tongue(language);
        let reading = Reading::of(&turn.message, language, lexicon);
        let words =
            turn.history.iter().map(|utterance| utterance.text.as_str()).chain([turn.message.as_str()]);
        let mut voice = Voice::new(language, style, &memory.spoken, Chance::new(turn.scene.seed, words));
        introduce(&mut voice, &turn.scene);
        let mut talk = Talk {
            book,
            message: &turn.message,
            intent: Intent::of(&turn.message, &reading, lexicon),
            reading: &reading,
            memory: &memory,
            style,
            technique: Move::of(&turn.scene.technique),
            voice,
        };
        let risk = talk.answer_with_care(&self.safety, turn.protocol);
        Reply { risk, ..Reply::plain(talk.voice.text()) }
    }

    /// The risk that a message speaks of, by itself or as an answer to what was said before it.
    fn risk_of(&self, history: &[Utterance], message: &str, usual: Language) -> Option<Risk> {
        let memory = self.remember(history, usual);
        let language = language_of(message, &memory, usual);
        let Tongue { lexicon, book, .. } = self.tongue(language);
        let reading = Reading::of(message, language, lexicon);
        let style = Style { register: Register::Formal, manner: Manner::Warm, language: None };
        let talk = Talk {
            book,
            message,
            intent: Intent::of(message, &reading, lexicon),
            reading: &reading,
            memory: &memory,
            style,
            technique: Move::Listen,
            voice: Voice::new(language, style, &memory.spoken, Chance::new(0, std::iter::empty())),
        };
        talk.risk(&self.safety)
    }

    fn remember(&self, history: &[Utterance], usual: Language) -> Memory {
        Memory::of(history, usual, |text, language| {
            Reading::of(text, language, &self.tongue(language).lexicon)
        })
    }

    fn open(&self, scene: &Scene) -> Reply {
        let style = Style::of(&scene.tone);
        let language = usual_language(scene, style);
        let chance = Chance::new(scene.seed, std::iter::once(scene.persona.counselor_name.as_str()));
        let mut voice = Voice::new(language, style, &[], chance);
        introduce(&mut voice, scene);
        voice.say(&self.tongue(language).book.greet);
        Reply::plain(voice.text())
    }

    fn tongue(&self, language: Language) -> &Tongue {
        match language {
            Language::Korean => &self.korean,
            Language::English => &self.english,
        }
    }
}

impl Assistant for OfflineAssistant {
    fn reply<'a>(&'a self, turn: &'a Turn, draft: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async move {
            let reply = self.answer(turn);
            draft.push(&reply.text);
            Ok(reply)
        })
    }

    fn greet<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async move { Ok(self.open(scene)) })
    }

    fn analyze<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>> {
        let context = self.understand(excerpt);
        Box::pin(async move { Ok(Analysis { context, usage: Usage::default() }) })
    }

    fn summarize<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>> {
        let text = self.sum_up(excerpt);
        Box::pin(async move { Ok(Summary { text, usage: Usage::default() }) })
    }
}

/// The language to answer a message in.
fn language_of(message: &str, memory: &Memory, usual: Language) -> Language {
    /// A Korean who types "ok" or "no" has not changed the language.
    const WORD: usize = 4;
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).count();
    let sentences = memory.told.iter().rev().filter(|told| letters(&told.text) > WORD);
    let before = sentences.map(|told| told.reading.language).next();
    match Script::of(message) {
        Script::Known(_) if letters(message) <= WORD && before == Some(Language::Korean) => Language::Korean,
        Script::Known(language) => language,
        Script::None => before.unwrap_or(usual),
        Script::Foreign => usual,
    }
}

/// The language of the tone, or else of the persona.
fn usual_language(scene: &Scene, style: Style) -> Language {
    style.language.unwrap_or_else(|| language::of_persona(&scene.persona))
}

/// Gives the voice its persona's name and description.
fn introduce(voice: &mut Voice<'_>, scene: &Scene) {
    let known = [("name", &scene.persona.counselor_name), ("about", &scene.persona.description)];
    for (slot, text) in known {
        let text = text.trim().trim_end_matches('.');
        if !text.is_empty() {
            voice.slots.insert(slot, text.to_owned());
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &'static str, text: &str) -> Result<T, OfflineContentError> {
    toml::from_str(text).map_err(|error| OfflineContentError { file, reason: error.to_string() })
}
