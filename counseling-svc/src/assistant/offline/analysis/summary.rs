//! What was spoken about, in short: the names of topics, people, feelings and wishes, never the user's sentences.
//!
//! A summary is a few lines that can be read back, so that one that builds on it repeats nothing and forgets the
//! oldest. A summary in other words, or in another language, is kept in front, as far as there is room.

use super::super::OfflineAssistant;
use super::super::language::Language;
use super::super::lexicon::{Wish, is_denied};
use super::super::reading::Intent;
use super::super::safety::Sense;
use super::super::style::Register;
use super::signs::SummaryWords;
use super::{Look, language_of};
use crate::assistant::{Excerpt, LONGEST_SUMMARY};

/// The most characters that are kept of a summary in other words.
const LONGEST_FOREIGN: usize = 800;
/// The most characters of one name.
const LONGEST_NAME: usize = 60;

/// The lines of a summary, and how many names each holds.
const MOST: [usize; 5] = [8, 6, 6, 6, 3];

impl OfflineAssistant {
    /// The summary of an excerpt and of what was said before it.
    pub(in super::super) fn sum_up(&self, excerpt: &Excerpt) -> String {
        let language = language_of(&excerpt.utterances);
        let words = &self.tongue(language).signs.summary;
        let titles = [&words.topics, &words.people, &words.feelings, &words.wishes, &words.dangers];
        let (foreign, mut lists) = read_back(excerpt.summary.as_deref().unwrap_or_default(), titles);
        for look in self.looks(&excerpt.utterances, language).iter().rev() {
            for (list, names) in lists.iter_mut().zip(self.names(look, language, words)) {
                for name in names {
                    add(list, name);
                }
            }
        }
        let mut lines = Vec::new();
        if !foreign.is_empty() {
            lines.push(foreign);
        }
        for ((title, list), most) in titles.into_iter().zip(&lists).zip(MOST) {
            let latest = &list[list.len().saturating_sub(most)..];
            if !latest.is_empty() {
                lines.push(format!("{title}: {}", latest.join(", ")));
            }
        }
        cut(&lines.join("\n"), LONGEST_SUMMARY)
    }

    /// What a message adds to each line.
    fn names(&self, look: &Look<'_>, language: Language, words: &SummaryWords) -> [Vec<String>; 5] {
        let book = &self.tongue(language).book;
        let (people, topics): (Vec<_>, Vec<_>) =
            look.reading.subjects.iter().partition(|subject| subject.is_person);
        let called = |subjects: Vec<&super::super::reading::Subject>| {
            let name = |subject: &super::super::reading::Subject| {
                if subject.language() == language {
                    return Some(subject.name(Register::Formal).to_owned());
                }
                book.topic.get(&subject.topic).map(|phrases| phrases.label.clone())
            };
            subjects.into_iter().filter_map(name).collect::<Vec<String>>()
        };
        let feelings =
            look.reading.feelings.iter().filter_map(|felt| words.feeling.get(&felt.emotion).cloned());
        let danger = match look.sense {
            Sense::Alarm(alarm) => words.danger.get(&alarm.risk.kind).cloned(),
            Sense::Nothing | Sense::Denied => None,
        };
        [
            called(topics),
            called(people),
            feelings.collect(),
            self.wishes(look, language, words),
            danger.into_iter().collect(),
        ]
    }

    fn wishes(&self, look: &Look<'_>, language: Language, words: &SummaryWords) -> Vec<String> {
        let of_counselor = match look.intent {
            Intent::Wish(wish @ (Wish::Advice | Wish::ListenOnly | Wish::Medical | Wish::Commit)) => {
                words.wish.get(&wish).cloned()
            }
            _ => None,
        };
        let wants = self.tongue(language).signs.want.list.iter().filter(|want| {
            let wanted = want.pattern.find(&look.text);
            wanted.is_some_and(|found| !is_denied(&look.text, found))
        });
        of_counselor
            .into_iter()
            .chain(wants.map(|want| want.name.choose(Register::Formal).to_owned()))
            .collect()
    }
}

/// Adds a name as the latest one. Of "work at home" and "work" the one that says more is kept.
fn add(list: &mut Vec<String>, name: String) {
    list.retain(|known| !name.contains(known.as_str()));
    if !list.iter().any(|known| known.contains(&name)) {
        list.push(name);
    }
}

/// A summary's lists by their titles, and what else it says.
fn read_back(summary: &str, titles: [&String; 5]) -> (String, [Vec<String>; 5]) {
    let mut lists: [Vec<String>; 5] = Default::default();
    let mut foreign = Vec::new();
    for line in summary.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let titled = line.split_once(": ").and_then(|(title, names)| {
            titles.iter().position(|known| known.as_str() == title).map(|at| (at, names))
        });
        match titled {
            Some((at, names)) => {
                let short = names.split(", ").filter(|name| name.chars().count() <= LONGEST_NAME);
                lists[at].extend(short.map(str::to_owned));
            }
            None => foreign.push(line),
        }
    }
    (cut(&foreign.join("\n"), LONGEST_FOREIGN), lists)
}

/// At most so many characters of a text, up to the end of a sentence if there is one.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let kept = &text[..end];
    let sentence = kept.rmatch_indices(['.', '!', '?', '\n', '。']).map(|(at, sign)| at + sign.len()).next();
    // A single endless sentence is cut where it stands.
    let end = sentence.filter(|at| *at * 2 > end).unwrap_or(end);
    kept[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_ends_with_a_sentence_and_never_grows() {
        assert_eq!(cut("short.", 10), "short.");
        assert_eq!(cut("one two. three four", 12), "one two.");
        assert_eq!(cut("가나다라마바사", 3), "가나다");
        assert_eq!(cut("가나。다라마바사", 4), "가나。");
    }
}
