//! A message in the forms that patterns are matched against, and the patterns.

use serde::Deserialize;

use super::trace::Trace;

/// A message, or a part of one, ready to be searched.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// For Hangul: all letters without the spaces, since people space Korean as they like.
    letters: Vec<Letter>,
    /// For words: lower case, one space around each word, apostrophes mended, a point where a thought ends.
    words: String,
    traces: Traces,
}

/// What the letters and the words are made of, so that most patterns can be ruled out without a search.
#[derive(Debug, Clone, Copy)]
struct Traces {
    letters: Trace,
    words: Trace,
}

#[derive(Debug, Clone, Copy)]
struct Letter {
    value: char,
    starts_word: bool,
    ends_word: bool,
}

impl Text {
    pub(super) fn new(raw: &str) -> Self {
        let lower = raw.to_lowercase().replace(['’', '‘', '`'], "'");
        let mut letters = Vec::new();
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let last = word.chars().count() - 1;
            letters.extend(word.chars().enumerate().map(|(at, value)| Letter {
                value,
                starts_word: at == 0,
                ends_word: at == last,
            }));
        }
        let mut words = String::from(" ");
        for part in lower.split(|c: char| !c.is_alphanumeric() && c != '\'' && !ENDS.contains(&c)) {
            for word in part.split_inclusive(ENDS).flat_map(split_end) {
                let word = word.trim_matches('\'');
                if !(word.is_empty() || (word == END && words.ends_with(" . "))) {
                    words.push_str(mended(word));
                    words.push(' ');
                }
            }
        }
        Self::of(letters, words)
    }

    fn of(letters: Vec<Letter>, words: String) -> Self {
        let traces = Traces {
            letters: Trace::of_letters(letters.iter().map(|letter| letter.value)),
            words: Trace::of_words(&words),
        };
        Self { letters, words, traces }
    }

    /// All letters and digits, without spaces.
    pub(super) fn compact(&self) -> String {
        self.letters.iter().map(|letter| letter.value).collect()
    }

    /// What follows a match, without spaces for Hangul.
    pub(super) fn after(&self, found: Found) -> String {
        match found.script {
            Script::Hangul => self.letters[found.end..].iter().map(|letter| letter.value).collect(),
            Script::Words => self.words[found.end..].to_owned(),
        }
    }

    /// What precedes a match, without spaces for Hangul.
    pub(super) fn before(&self, found: Found) -> String {
        match found.script {
            Script::Hangul => self.letters[..found.start].iter().map(|letter| letter.value).collect(),
            Script::Words => self.words[..found.start].to_owned(),
        }
    }

    /// The whole word right before a match in Hangul.
    pub(super) fn word_before(&self, found: Found) -> String {
        if found.script == Script::Words || found.start == 0 || !self.letters[found.start].starts_word {
            return String::new();
        }
        let end = found.start;
        let start = (0..end).rev().find(|&at| self.letters[at].starts_word).unwrap_or(0);
        self.letters[start..end].iter().map(|letter| letter.value).collect()
    }

    /// The text with every match of these patterns taken out, so that nothing else is found in them.
    pub(super) fn without(self, patterns: &[Pattern]) -> Self {
        let mut rest = self;
        for pattern in patterns {
            while let Some(found) = pattern.find(&rest) {
                match found.script {
                    Script::Hangul => drop(rest.letters.drain(found.start..found.end)),
                    Script::Words => rest.words.replace_range(found.start..found.end, " "),
                }
                rest = Self::of(rest.letters, rest.words);
            }
        }
        rest
    }
}

/// Signs at which a thought ends, and what stands for each of them among the words.
const ENDS: [char; 7] = ['.', ',', '!', '?', ';', ':', '\n'];
const END: &str = ".";

/// A word and the sign at its end.
fn split_end(piece: &str) -> [&str; 2] {
    let word = piece.trim_end_matches(ENDS);
    [word, if word.len() < piece.len() { END } else { "" }]
}

/// English as it is typed in a hurry.
fn mended(word: &str) -> &str {
    match word {
        "dont" => "don't",
        "cant" => "can't",
        "wont" => "won't",
        "didnt" => "didn't",
        "doesnt" => "doesn't",
        "isnt" => "isn't",
        "wasnt" => "wasn't",
        "havent" => "haven't",
        "couldnt" => "couldn't",
        "wouldnt" => "wouldn't",
        "im" => "i'm",
        "ive" => "i've",
        "u" => "you",
        "ur" => "your",
        "r" => "are",
        other => other,
    }
}

/// Where a pattern matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    script: Script,
    start: usize,
    end: usize,
}

impl Found {
    /// Orders the matches of one text.
    pub(super) fn position(self) -> usize {
        self.start
    }

    /// Whether `other` lies within it and is shorter.
    pub(super) fn holds(self, other: Self) -> bool {
        let within = self.start <= other.start && other.end <= self.end;
        self.script == other.script && within && self != other
    }

    pub(super) fn is_hangul(self) -> bool {
        self.script == Script::Hangul
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Hangul,
    Words,
}

/// Something to look for.
///
/// A pattern with Hangul in it, or other letters of East Asia, is found wherever its letters follow each other; a space in it may be missing in the
/// text. `^` binds it to the start of a word, `$` to the end of a word or of a noun that only a particle follows. Any other pattern is a run of whole
/// words, and a final `*` stands for the rest of the last word.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Pattern {
    kind: Kind,
    trace: Trace,
}

#[derive(Debug, Clone)]
enum Kind {
    Hangul { letters: Vec<PatternLetter>, start: bool, end: bool },
    Words(String),
}

/// Hangul, kana, Chinese characters: scripts in which spaces say little about words.
fn is_of_east_asia(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}' | '\u{4e00}'..='\u{9fff}' | '가'..='힣')
}

#[derive(Debug, Clone, Copy)]
struct PatternLetter {
    value: char,
    /// A space stands before it, which a text may leave out.
    may_start_word: bool,
}

impl From<String> for Pattern {
    fn from(written: String) -> Self {
        Self::new(&written)
    }
}

impl Pattern {
    pub(super) fn new(written: &str) -> Self {
        let written = written.trim().to_lowercase();
        if written.chars().any(is_of_east_asia) {
            let mut letters = Vec::new();
            for word in written.split_whitespace() {
                let word = word.chars().filter(|c| c.is_alphanumeric()).enumerate();
                letters.extend(word.map(|(at, value)| PatternLetter { value, may_start_word: at == 0 }));
            }
            let (start, end) = (written.starts_with('^'), written.ends_with('$'));
            let trace = Trace::of_letters(letters.iter().map(|letter| letter.value));
            return Self { kind: Kind::Hangul { letters, start, end }, trace };
        }
        let words = match written.strip_suffix('*') {
            Some(stem) => format!(" {stem}"),
            None => format!(" {written} "),
        };
        Self { trace: Trace::of_words(&words), kind: Kind::Words(words) }
    }

    /// The first match.
    pub(super) fn find(&self, text: &Text) -> Option<Found> {
        self.find_all(text).next()
    }

    /// Every match, in order.
    pub(super) fn find_all<'a>(&'a self, text: &'a Text) -> Box<dyn Iterator<Item = Found> + 'a> {
        let known = match self.kind {
            Kind::Hangul { .. } => text.traces.letters,
            Kind::Words(_) => text.traces.words,
        };
        if !known.may_hold(self.trace) {
            // Takes no memory.
            return Box::new(std::iter::empty());
        }
        match &self.kind {
            Kind::Hangul { letters, start, end } => Box::new(
                (0..text.letters.len())
                    .filter(move |&at| {
                        letters.first().is_some_and(|first| first.value == text.letters[at].value)
                    })
                    .filter(move |&at| matches_at(&text.letters, at, letters, *start, *end))
                    .map(|at| Found { script: Script::Hangul, start: at, end: at + letters.len() }),
            ),
            // The space before the match belongs to what precedes it, the one behind it to what follows.
            Kind::Words(words) => Box::new(text.words.match_indices(words.as_str()).map(|(at, _)| {
                let end = at + words.trim_end().len();
                Found { script: Script::Words, start: at, end }
            })),
        }
    }
}

fn matches_at(text: &[Letter], at: usize, letters: &[PatternLetter], start: bool, end: bool) -> bool {
    let Some(window) = text.get(at..at + letters.len()) else { return false };
    if start && !window[0].starts_word {
        return false;
    }
    let same = |(letter, wanted): (&Letter, &PatternLetter)| {
        letter.value == wanted.value && (wanted.may_start_word || !letter.starts_word)
    };
    window.iter().zip(letters).all(same) && (!end || ends_noun(text, at + letters.len()))
}

/// Whether what comes at `at` is a new word, or nothing but a particle up to one.
fn ends_noun(text: &[Letter], at: usize) -> bool {
    const PARTICLES: [&str; 42] = [
        "이",
        "가",
        "은",
        "는",
        "을",
        "를",
        "과",
        "와",
        "도",
        "만",
        "의",
        "에",
        "에게",
        "에게서",
        "에서",
        "에는",
        "에도",
        "한테",
        "한테서",
        "한테는",
        "께",
        "께서",
        "께서는",
        "랑",
        "이랑",
        "하고",
        "로",
        "으로",
        "이나",
        "나",
        "까지",
        "부터",
        "처럼",
        "보다",
        "때문에",
        "라도",
        "조차",
        "마저",
        "이요",
        "요",
        "이고",
        "문제",
    ];
    if text[at - 1].ends_word {
        return true;
    }
    let mut rest = String::new();
    for letter in &text[at..] {
        rest.push(letter.value);
        if letter.ends_word {
            break;
        }
    }
    PARTICLES.contains(&rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).find(&Text::new(text)).is_some()
    }

    #[test]
    fn a_space_in_korean_may_be_missing_and_none_may_be_added() {
        assert!(finds("화가 나", "너무 화가나요"));
        assert!(finds("화가 나", "너무 화가 나요"));
        assert!(finds("죽고 싶", "진짜죽고... 싶어요"));
        assert!(!finds("자살", "혼자 살아요"));
    }

    #[test]
    fn a_bound_pattern_is_a_word_of_its_own() {
        assert!(finds("^잠$", "잠이 안 와요"));
        assert!(finds("^잠$", "요즘 잠을 못 자요"));
        assert!(!finds("^잠$", "잠깐만요"));
        assert!(!finds("^형$", "형편이 어려워요"));
        assert!(!finds("^자해", "혼자해요"));
        assert!(!finds("^자해", "혼자 해요") && finds("^자해", "또 자해를 했어요"));
    }

    #[test]
    fn words_are_whole_unless_a_star_ends_them() {
        assert!(finds("feel alone", "I feel alone."));
        assert!(!finds("sad", "a saddle"));
        assert!(finds("anxi*", "so much anxiety"));
        assert!(finds("don't want", "i dont want this"));
        assert!(finds("don't", "I don’t know"));
    }

    #[test]
    fn what_is_taken_out_is_not_found() {
        let text = Text::new("배고파 죽겠는데 진짜 죽겠다").without(&[Pattern::new("배고파 죽겠")]);
        assert_eq!(Pattern::new("죽겠").find_all(&text).count(), 1);
    }

    #[test]
    fn what_is_left_beside_what_is_taken_out_is_found() {
        let text = Text::new("so anxiety").without(&[Pattern::new("anxi*")]);
        assert!(Pattern::new("ety").find(&text).is_some());
    }

    #[test]
    fn the_surroundings_of_a_match_are_known() {
        let text = Text::new("나는 안 슬퍼요");
        let found = Pattern::new("슬퍼").find(&text).unwrap();
        assert_eq!((text.word_before(found).as_str(), text.after(found).as_str()), ("안", "요"));
        let text = Text::new("I am not sad today");
        let found = Pattern::new("sad").find(&text).unwrap();
        assert_eq!((text.before(found).as_str(), text.after(found).as_str()), (" i am not", " today "));
    }
}
