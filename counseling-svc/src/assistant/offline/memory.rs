//! What was said earlier in the counsel.

use super::language::{Language, Script};
use super::lexicon::{Emotion, Topic};
use super::reading::{Reading, Subject};
use crate::assistant::{Speaker, Utterance};

/// The history of a counsel, read again at every turn: the counselor keeps nothing between turns.
pub(super) struct Memory {
    /// What the user said, oldest first.
    pub(super) told: Vec<Told>,
    /// What the counselor said, in lower case, oldest first.
    pub(super) spoken: Vec<String>,
}

/// A message of the user.
pub(super) struct Told {
    pub(super) text: String,
    pub(super) reading: Reading,
}

impl Memory {
    /// Remembers a history, reading each message with `read`, in its own language or else in `usual`.
    pub(super) fn of(
        history: &[Utterance],
        usual: Language,
        read: impl Fn(&str, Language) -> Reading,
    ) -> Self {
        let (mut told, mut spoken) = (Vec::new(), Vec::new());
        for utterance in history {
            match utterance.speaker {
                Speaker::Counselor => spoken.push(utterance.text.to_lowercase()),
                Speaker::User => {
                    let language = match Script::of(&utterance.text) {
                        Script::Known(language) => language,
                        Script::Foreign | Script::None => usual,
                    };
                    let reading = read(&utterance.text, language);
                    told.push(Told { text: utterance.text.clone(), reading });
                }
            }
        }
        Self { told, spoken }
    }

    /// The number of the message that is to be answered, from 1.
    pub(super) fn turn(&self) -> usize {
        self.told.len() + 1
    }

    /// What the counselor said last, in lower case.
    pub(super) fn last_spoken(&self) -> &str {
        self.spoken.last().map_or("", String::as_str)
    }

    /// What was talked about last.
    pub(super) fn latest_subject(&self) -> Option<&Subject> {
        self.told.iter().rev().find_map(|told| told.reading.main_subject())
    }

    /// Something that was talked about at least two messages ago, is not the matter now and was not brought back since.
    pub(super) fn left_behind(&self, now: &Reading) -> Option<&Subject> {
        let (_, earlier) = self.told.split_last()?;
        let recent = self.told.last().into_iter().map(|told| &told.reading).chain([now]);
        let topics: Vec<Topic> =
            recent.flat_map(|reading| reading.subjects.iter().map(|subject| subject.topic)).collect();
        earlier
            .iter()
            .rev()
            .flat_map(|told| &told.reading.subjects)
            .find(|subject| subject.language() == now.language && !topics.contains(&subject.topic))
    }

    /// Everything that was talked about up to now, each topic once, the latest first.
    pub(super) fn subjects<'a>(&'a self, now: &'a Reading) -> Vec<&'a Subject> {
        let mut found: Vec<&Subject> = Vec::new();
        for subject in self.readings(now).flat_map(|reading| &reading.subjects) {
            if !found.iter().any(|known| known.topic == subject.topic) {
                found.push(subject);
            }
        }
        found
    }

    /// Every feeling up to now, each once, the latest first.
    pub(super) fn feelings(&self, now: &Reading) -> Vec<Emotion> {
        let mut found = Vec::new();
        for feeling in self.readings(now).flat_map(|reading| &reading.feelings) {
            if !found.contains(&feeling.emotion) {
                found.push(feeling.emotion);
            }
        }
        found
    }

    fn readings<'a>(&'a self, now: &'a Reading) -> impl Iterator<Item = &'a Reading> {
        std::iter::once(now).chain(self.told.iter().rev().map(|told| &told.reading))
    }
}
