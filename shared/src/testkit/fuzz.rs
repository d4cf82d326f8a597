//! Inputs for parsers of what others send: some that look real, and what becomes of them on a bad way.
//!
//! An ordinary run of a test tries each input as it is and a few hundred that are made of them. With `FUZZ_SECONDS` set
//! it goes on for so long; see `just fuzz`. What fails is made small and its seed kept beside the crate, in
//! `proptest-regressions`; the input itself belongs into the corpus.

use std::fmt::{self, Debug, Formatter};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};

/// How many inputs an ordinary run makes.
const CASES: u32 = 256;
/// How long a parser may take for one input, on a busy machine and not optimised.
const LONGEST: Duration = Duration::from_secs(2);
/// What breaks texts, numbers, lines and lists.
const NASTY: [&str; 24] = [
    "\0",
    "\r\n",
    "\n\n",
    "\"",
    "\\",
    "=",
    ";",
    ",",
    ":",
    ".",
    "-",
    "+",
    "%00",
    "é",
    "\u{202e}",
    "{}",
    "[]",
    "null",
    "-1",
    "1e400",
    "NaN",
    "99999999999999999999",
    "-9223372036854775808",
    "../",
];

/// Inputs that look real.
pub struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    /// The files of `corpus/<name>` in the crate of this manifest (`env!("CARGO_MANIFEST_DIR")`).
    ///
    /// # Panics
    /// When there are none.
    pub fn of(manifest: &str, name: &str) -> Self {
        let folder = Path::new(manifest).join("corpus").join(name);
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry of a folder").path()).collect();
        files.sort();
        Self::new(files.iter().map(|file| std::fs::read(file).expect("a file of the corpus")))
    }

    /// These inputs.
    ///
    /// # Panics
    /// When there are none.
    pub fn new<T: Into<Vec<u8>>>(inputs: impl IntoIterator<Item = T>) -> Self {
        let inputs: Vec<Vec<u8>> = inputs.into_iter().map(Into::into).collect();
        assert!(!inputs.is_empty(), "a corpus without an input");
        Self(inputs)
    }

    /// Checks a rule on each input and on what is made of them.
    ///
    /// `source` is `file!()`, beside which seeds of failures are kept.
    ///
    /// # Panics
    /// When the rule panics, or takes longer than two seconds.
    pub fn check(&self, source: &'static str, rule: impl Fn(&[u8])) {
        let rule = |Input(input): Input| {
            let began = Instant::now();
            rule(&input);
            let took = began.elapsed();
            assert!(took < LONGEST, "{} bytes took {took:?}", input.len());
        };
        self.0.iter().cloned().map(Input).for_each(&rule);
        fuzz(source, self.mutated(), rule);
    }

    /// As [`Corpus::check`], of texts.
    ///
    /// # Panics
    /// As [`Corpus::check`].
    pub fn check_text(&self, source: &'static str, rule: impl Fn(&str)) {
        self.check(source, |input| rule(&String::from_utf8_lossy(input)));
    }

    fn mutated(&self) -> impl Strategy<Value = Input> + use<> {
        let (inputs, others) = (self.0.clone(), self.0.clone());
        let changed = (select(inputs), vec((any::<Index>(), any::<Index>(), mutation(others)), 1..8));
        let changed = changed.prop_map(|(mut input, mutations)| {
            for (from, to, mutation) in mutations {
                mutation.apply(&mut input, from, to);
            }
            input
        });
        // Nonsense, too, though it seldom comes far.
        prop_oneof![9 => changed, 1 => vec(any::<u8>(), 0..64)].prop_map(Input)
    }
}

/// Shown as one writes it in code.
#[derive(Clone)]
struct Input(Vec<u8>);

impl Debug for Input {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "b\"{}\"", self.0.escape_ascii())
    }
}

/// One thing that happens to an input, between two places of it.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(u8),
    Truncate,
    Remove,
    Repeat(usize),
    Insert(Vec<u8>),
    Replace(Vec<u8>),
    /// Goes on as another input does.
    Splice(Vec<u8>, Index),
}

fn mutation(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Mutation> {
    let nasty = || select(NASTY.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![
        3 => (0_u32..8).prop_map(|bit| Mutation::Flip(1 << bit)),
        1 => Just(Mutation::Truncate),
        2 => Just(Mutation::Remove),
        1 => (2_usize..200).prop_map(Mutation::Repeat),
        3 => nasty().prop_map(Mutation::Insert),
        3 => nasty().prop_map(Mutation::Replace),
        1 => vec(any::<u8>(), 1..8).prop_map(Mutation::Replace),
        2 => (select(inputs), any::<Index>()).prop_map(|(other, at)| Mutation::Splice(other, at)),
    ]
}

impl Mutation {
    fn apply(self, input: &mut Vec<u8>, from: Index, to: Index) {
        let (one, other) = (from.index(input.len() + 1), to.index(input.len() + 1));
        let range = one.min(other)..one.max(other);
        match self {
            Self::Flip(bit) => {
                if let Some(byte) = input.get_mut(one) {
                    *byte ^= bit;
                }
            }
            Self::Truncate => input.truncate(one),
            Self::Remove => drop(input.drain(range)),
            Self::Repeat(times) => {
                // Long, but no longer than what is let in.
                let part = &input[range.start..range.end.min(range.start + 256)];
                let part = part.repeat(times);
                input.splice(one..one, part);
            }
            Self::Insert(bytes) => drop(input.splice(one..one, bytes)),
            Self::Replace(bytes) => {
                let end = input.len().min(one + bytes.len());
                input.splice(one..end, bytes);
            }
            Self::Splice(other, at) => {
                input.truncate(one);
                input.extend_from_slice(&other[at.index(other.len() + 1)..]);
            }
        }
    }
}

/// Checks a rule on values of a strategy: on 256 (`PROPTEST_CASES` says otherwise), or for `FUZZ_SECONDS`.
///
/// `source` is `file!()`, beside which seeds of failures are kept.
///
/// # Panics
/// When the rule panics. The message shows the smallest value found for which it does.
pub fn fuzz<S>(source: &'static str, values: S, rule: impl Fn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("FUZZ_SECONDS is a number of seconds"));
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { CASES };
    let config = Config { cases, source_file: Some(source), ..Config::default() };
    loop {
        run(&config, &values, &rule);
        if until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
    }
}

fn run<S>(config: &Config, values: &S, rule: impl Fn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let failed = TestRunner::new(config.clone()).run(values, |value| {
        rule(value);
        Ok(())
    });
    match failed {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{reason}\nsmallest input: {}", shown(&value)),
        Err(error) => panic!("{error}"),
    }
}

/// A message as a file of a corpus holds it: the subject, a line for each header, an empty line, the data. What can be no
/// header is left out.
pub fn message(input: &[u8]) -> (String, HeaderMap, Bytes) {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, data) = end.map_or((input, &[][..]), |end| (&input[..end], &input[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let subject = lines.next().unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    (subject, headers, Bytes::copy_from_slice(data))
}

/// A value, as far as a person reads.
fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take(4000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_found_that_no_seed_is() {
        let corpus = Corpus::new(["limit=10;cursor=abc"]);
        let found = std::panic::catch_unwind(|| {
            let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
            run(&config, &corpus.mutated(), |Input(input)| {
                assert!(!input.windows(2).any(|pair| pair == b"\r\n"))
            });
        });
        let message = *found.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("smallest input: "), "{message}");
    }

    #[test]
    fn a_seed_that_breaks_the_rule_is_told_as_it_is() {
        let corpus = Corpus::new(["good", "bad"]);
        let found = std::panic::catch_unwind(|| corpus.check(file!(), |input| assert_ne!(input, b"bad")));
        assert!(found.is_err());
    }
}
