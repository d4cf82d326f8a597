//! What a message says, as far as words tell.

use std::ops::Range;

use super::language::{Language, Script};
use super::lexicon::{Emotion, Lexicon, Name, Short, Topic, Wish, is_denied};
use super::particles::Particle;
use super::style::Register;
use super::text::{Pattern, Text};

/// A message that was read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) language: Language,
    /// In the order in which they were written; so are the clauses.
    pub(super) sentences: Vec<Sentence>,
    pub(super) clauses: Vec<String>,
    /// In the order in which they were named, each once.
    pub(super) feelings: Vec<Feeling>,
    /// In the order in which they were named, each once.
    pub(super) subjects: Vec<Subject>,
    /// Letters, signs and spaces.
    pub(super) length: usize,
}

/// A sentence in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    /// The numbers of its clauses.
    pub(super) clauses: Range<usize>,
}

/// A feeling in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feeling {
    pub(super) emotion: Emotion,
    /// Named, or only to be guessed from what happened.
    pub(super) is_named: bool,
    pub(super) clause: usize,
}

/// A topic or a person in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) topic: Topic,
    pub(super) is_person: bool,
    pub(super) clause: usize,
    language: Language,
    name: Name,
}

impl Subject {
    /// What the counselor calls it.
    pub(super) fn name(&self, register: Register) -> &str {
        self.name.choose(register)
    }

    /// As something to talk about: for a person in Korean, what is between them.
    pub(super) fn as_topic(&self, register: Register) -> String {
        let name = self.name(register);
        match self.language {
            _ if !self.is_person => name.to_owned(),
            Language::English => name.to_owned(),
            Language::Korean => {
                let with = Particle::named("과").map_or("와", |particle| particle.after(name));
                format!("{name}{with}의 관계")
            }
        }
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }
}

impl Reading {
    /// Reads a message in the language it is taken to be in.
    pub(super) fn of(message: &str, language: Language, lexicon: &Lexicon) -> Self {
        let (sentences, clauses) = sentences_and_clauses(message, language);
        let (mut feelings, mut subjects) = (Vec::new(), Vec::<Subject>::new());
        for (at, clause) in clauses.iter().enumerate() {
            let text = Text::new(clause).without(&lexicon.idioms);
            for (emotion, is_named) in emotions(&text, lexicon) {
                match feelings.iter_mut().find(|felt: &&mut Feeling| felt.emotion == emotion) {
                    Some(felt) => felt.is_named |= is_named,
                    None => feelings.push(Feeling { emotion, is_named, clause: at }),
                }
            }
            for (topic, is_person, name) in subjects_of(&text, lexicon) {
                if !subjects.iter().any(|known: &Subject| known.name == *name) {
                    subjects.push(Subject { topic, is_person, clause: at, language, name: name.clone() });
                }
            }
        }
        let loss = subjects.iter().find(|subject| subject.topic == Topic::Loss);
        if let Some(loss) = loss.filter(|_| feelings.is_empty()) {
            feelings.push(Feeling { emotion: Emotion::Sadness, is_named: false, clause: loss.clause });
        }
        Self { language, sentences, clauses, feelings, subjects, length: message.chars().count() }
    }

    /// The feeling to answer first: a named one before a guess, a close word before a vague one, and of those the last.
    pub(super) fn main_feeling(&self) -> Option<Feeling> {
        self.feelings.iter().copied().max_by_key(|felt| (felt.is_named, !felt.emotion.is_vague()))
    }

    /// What the main feeling is about, if the same clause says so.
    pub(super) fn subject_of(&self, feeling: Feeling) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.clause == feeling.clause)
    }

    /// What to talk about.
    pub(super) fn main_subject(&self) -> Option<&Subject> {
        if let Some(loss) = self.subjects.iter().find(|subject| subject.topic == Topic::Loss) {
            return Some(loss);
        }
        let about_feeling = self.main_feeling().and_then(|feeling| self.subject_of(feeling));
        about_feeling
            .or_else(|| self.subjects.iter().find(|subject| !subject.is_person))
            .or(self.subjects.first())
    }

    /// The first person that is named.
    pub(super) fn person(&self) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.is_person)
    }

    pub(super) fn speaks_of(&self, topic: Topic) -> bool {
        self.subjects.iter().any(|subject| subject.topic == topic)
    }

    /// Whether only good feelings are in it.
    pub(super) fn is_pleasant(&self) -> bool {
        !self.feelings.is_empty() && self.feelings.iter().all(|felt| felt.emotion.is_pleasant())
    }

    /// Whether a feeling that hurts is in it.
    pub(super) fn is_painful(&self) -> bool {
        self.feelings.iter().any(|felt| !felt.emotion.is_pleasant())
    }

    /// Whether it tells nothing that could be answered.
    pub(super) fn is_bare(&self) -> bool {
        self.feelings.is_empty() && self.subjects.is_empty()
    }
}

/// The feelings in a clause, in order, and whether each is named. A pleasant one that is missing is a sadness.
fn emotions(text: &Text, lexicon: &Lexicon) -> Vec<(Emotion, bool)> {
    let mut found = Vec::new();
    for (table, is_named) in [(&lexicon.emotion, true), (&lexicon.sign, false)] {
        for (&emotion, patterns) in table {
            for place in patterns.iter().flat_map(|pattern| pattern.find_all(text)) {
                match (is_denied(text, place), emotion.is_pleasant()) {
                    (false, _) => found.push((place.position(), emotion, is_named)),
                    (true, true) => found.push((place.position(), Emotion::Sadness, is_named)),
                    (true, false) => {}
                }
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, emotion, is_named)| (emotion, is_named)).collect()
}

fn subjects_of<'a>(text: &Text, lexicon: &'a Lexicon) -> Vec<(Topic, bool, &'a Name)> {
    let mut found = Vec::new();
    for (table, is_person) in [(&lexicon.topic, false), (&lexicon.person, true)] {
        for (&topic, patterns) in table {
            for named in patterns {
                if let Some(place) = named.pattern.find(text) {
                    found.push((place.position(), topic, is_person, &named.name));
                }
            }
        }
    }
    found.sort_by_key(|(position, ..)| *position);
    // Two patterns at one place are two names of one thing; the lexicon's order decides.
    found.dedup_by_key(|(position, ..)| *position);
    found.into_iter().map(|(_, topic, is_person, name)| (topic, is_person, name)).collect()
}

/// Signs that end a sentence.
const ENDS: [char; 7] = ['.', '!', '?', '\n', '…', '。', '~'];

fn sentences_and_clauses(message: &str, language: Language) -> (Vec<Sentence>, Vec<String>) {
    let (mut sentences, mut clauses) = (Vec::new(), Vec::new());
    for text in message.split(ENDS).map(str::trim).filter(|text| !text.is_empty()) {
        let from = clauses.len();
        clauses.extend(text.split([';', ',', '，']).flat_map(|part| clauses_of(part, language)));
        sentences.push(Sentence { text: text.to_owned(), clauses: from..clauses.len() });
    }
    (sentences, clauses)
}

/// Splits a sentence where a contrast begins.
fn clauses_of(part: &str, language: Language) -> Vec<String> {
    const CONTRASTS: [&str; 9] = ["지만", "는데", "인데", "은데", "한데", "던데", "운데", "픈데", "쁜데"];
    let mut clauses = vec![Vec::new()];
    for word in part.split_whitespace() {
        let begins =
            matches!(word.to_lowercase().as_str(), "but" | "although" | "though" | "however" | "yet");
        if language == Language::English && begins {
            clauses.push(Vec::new());
        }
        if let Some(clause) = clauses.last_mut() {
            clause.push(word);
        }
        let ends = CONTRASTS.iter().any(|contrast| word.ends_with(contrast))
            && !matches!(word, "그런데" | "근데" | "가운데" | "하지만" | "그렇지만");
        if language == Language::Korean && ends {
            clauses.push(Vec::new());
        }
    }
    clauses.into_iter().filter(|clause| !clause.is_empty()).map(|clause| clause.join(" ")).collect()
}

/// What somebody wants with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// To be heard.
    Tell,
    /// To be heard with much at once.
    TellMuch,
    /// Something of the counselor.
    Wish(Wish),
    /// To answer briefly.
    Short(Short),
    /// To laugh.
    Laugh,
    /// To cry.
    Tears,
    /// To say nothing: dots, emoji.
    Silence,
    /// Nothing that has a meaning.
    Gibberish,
    /// Something in a language that is not spoken here.
    Foreign,
}

/// From here on a message holds more than one answer can take up. Hangul says more in a letter.
fn is_much(reading: &Reading) -> bool {
    let much = match reading.language {
        Language::Korean => 240,
        Language::English => 500,
    };
    reading.length >= much
}

impl Intent {
    pub(super) fn of(message: &str, reading: &Reading, lexicon: &Lexicon) -> Self {
        let text = Text::new(message);
        let compact = text.compact();
        if let Some(wordless) = wordless(message, &compact) {
            return wordless;
        }
        let told = said_plainly(&compact);
        let is_told = |known: &[String]| known.iter().any(|whole| whole == told);
        if let Some((&wish, _)) = lexicon.whole.iter().find(|(_, known)| is_told(known)) {
            return Self::Wish(wish);
        }
        if let Some((&short, _)) = lexicon.short.iter().find(|(_, known)| is_told(known)) {
            return Self::Short(short);
        }
        let wish = lexicon.wish.iter().find(|(wish, patterns)| {
            could_be_meant(**wish, reading)
                && patterns.iter().any(|pattern: &Pattern| pattern.find(&text).is_some())
        });
        match wish {
            Some((&wish, _)) => Self::Wish(wish),
            None if is_much(reading) => Self::TellMuch,
            None => Self::Tell,
        }
    }
}

/// A message without the laughter and the tears at its end.
fn said_plainly(compact: &str) -> &str {
    let told = compact.trim_end_matches(['ㅋ', 'ㅎ', 'ㅠ', 'ㅜ']);
    if told.is_empty() { compact } else { told }
}

/// Words of thanks or farewell inside a story are part of the story, and so is most else that is long.
fn could_be_meant(wish: Wish, reading: &Reading) -> bool {
    match wish {
        Wish::Hello | Wish::Thanks | Wish::Bye => reading.length <= 30 && reading.is_bare(),
        Wish::Advice | Wish::ListenOnly | Wish::Medical => !is_much(reading),
        Wish::Repair | Wish::Hostile => reading.length <= 60 && reading.subjects.is_empty(),
        _ => reading.length <= 60,
    }
}

fn wordless(message: &str, compact: &str) -> Option<Intent> {
    let only = |letters: &[char]| !compact.is_empty() && compact.chars().all(|c| letters.contains(&c));
    if only(&['ㅋ', 'ㅎ']) || matches!(compact, "lol" | "lmao" | "haha" | "hahaha" | "hehe") {
        return Some(Intent::Laugh);
    }
    if only(&['ㅠ', 'ㅜ']) || (compact.is_empty() && message.contains(['😢', '😭', '🥲', '😞'])) {
        return Some(Intent::Tears);
    }
    if Script::of(message) == Script::Foreign {
        return Some(Intent::Foreign);
    }
    if compact.is_empty() {
        return Some(Intent::Silence);
    }
    is_gibberish(compact, message).then_some(Intent::Gibberish)
}

/// Jamo that form no syllable, a key held down, fingers run along the keyboard.
fn is_gibberish(compact: &str, message: &str) -> bool {
    const MASHED: [&str; 6] = ["asdf", "qwer", "zxcv", "hjkl", "sdfg", "fghj"];
    const VOWELLESS: [&str; 8] = ["hmmm", "hmmmm", "pfft", "psst", "shhh", "grrr", "tbh", "brrr"];
    let mut letters = compact.chars();
    let Some(first) = letters.next() else { return false };
    let one_key =
        compact.chars().count() >= 4 && letters.all(|letter| letter == first) && !first.is_ascii_digit();
    let jamo = compact.chars().all(|c| ('ㄱ'..='ㆎ').contains(&c)) && compact != "ㅇㅇ" && compact != "ㄴㄴ";
    let one_word =
        message.split_whitespace().count() == 1 && compact.chars().all(|c| c.is_ascii_alphabetic());
    let no_vowel = compact.len() >= 4 && !compact.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let mashed = no_vowel || MASHED.iter().any(|keys| compact.contains(keys));
    jamo || one_key || (one_word && mashed && !VOWELLESS.contains(&compact))
}
