//! The latest facts of a stream, for feeds that resume.

use std::collections::VecDeque;
use std::sync::Arc;

use super::position::FactStream;

/// A fact that concerns a user: ids, never what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it was read.
    pub stream: FactStream,
    /// Where it stands there: the same at every gateway.
    pub sequence: u64,
    /// Whose it is.
    pub user_id: String,
    /// What it says.
    pub fact: Fact,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    CounselCreated { counsel_id: String, counselor_id: String },
    MessageCreated { counsel_id: String, counselor_id: String, message_id: String, reply_id: String },
    MessageFailed { counsel_id: String, message_id: String },
    MessageReacted { counsel_id: String, message_id: String },
    RapportGrown { counselor_id: String, relationship_id: String, rapport: i32 },
    TokensChanged,
}

/// What a feed has missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// These, in their order.
    Known(VecDeque<Arc<Entry>>),
    /// Nobody here knows: it is too long ago.
    Forgotten,
    /// Nothing that has been read here yet.
    Ahead,
}

/// The latest facts in the order of the stream, at most so many of them.
#[derive(Debug)]
pub struct Ring {
    entries: VecDeque<Arc<Entry>>,
    capacity: usize,
    /// Every fact after this sequence, and up to `last`, is here.
    forgotten: u64,
    /// The sequence that was read last.
    last: u64,
}

impl Ring {
    /// Of at most `capacity` facts, beginning after the sequence `start`.
    pub fn new(capacity: usize, start: u64) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(1), forgotten: start, last: start }
    }

    /// The sequence that was read last.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Everything after this sequence, and up to the last, is known.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Notes that the stream was read up to `sequence`; false when it was read that far before.
    pub fn advance(&mut self, sequence: u64) -> bool {
        let is_new = sequence > self.last;
        self.last = self.last.max(sequence);
        is_new
    }

    /// Keeps a fact, and forgets the oldest one when there are too many.
    pub fn push(&mut self, entry: Arc<Entry>) {
        if self.entries.len() == self.capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.forgotten = oldest.sequence;
        }
        self.entries.push_back(entry);
    }

    /// What somebody has missed who was told everything up to the sequence `seen`.
    pub fn missed(&self, user_id: &str, seen: u64) -> Missed {
        if seen < self.forgotten {
            return Missed::Forgotten;
        }
        if seen > self.last {
            return Missed::Ahead;
        }
        let begin = self.entries.partition_point(|entry| entry.sequence <= seen);
        let own = self.entries.range(begin..).filter(|entry| entry.user_id == user_id);
        Missed::Known(own.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, user_id: &str) -> Arc<Entry> {
        let fact = Fact::MessageFailed { counsel_id: "c".to_owned(), message_id: sequence.to_string() };
        Arc::new(Entry { stream: FactStream::Counsels, sequence, user_id: user_id.to_owned(), fact })
    }

    fn ring() -> Ring {
        let mut ring = Ring::new(3, 10);
        for (sequence, user_id) in [(12, "a"), (13, "b"), (15, "a")] {
            assert!(ring.advance(sequence));
            ring.push(entry(sequence, user_id));
        }
        ring
    }

    fn sequences(missed: Missed) -> Vec<u64> {
        let Missed::Known(entries) = missed else { panic!("{missed:?}") };
        entries.iter().map(|entry| entry.sequence).collect()
    }

    #[test]
    fn who_resumes_gets_its_own_that_it_has_not_seen() {
        let ring = ring();
        assert_eq!(sequences(ring.missed("a", 10)), [12, 15]);
        assert_eq!(sequences(ring.missed("a", 12)), [15]);
        assert_eq!(sequences(ring.missed("a", 14)), [15]);
        assert_eq!(sequences(ring.missed("b", 11)), [13]);
        assert!(sequences(ring.missed("a", 15)).is_empty());
        assert!(sequences(ring.missed("c", 10)).is_empty());
    }

    #[test]
    fn what_is_forgotten_and_what_is_ahead_is_told_apart() {
        let mut ring = ring();
        assert_eq!(ring.missed("a", 9), Missed::Forgotten);
        assert_eq!(ring.missed("a", 16), Missed::Ahead);
        assert!(!ring.advance(15), "a fact that comes twice is known");
        assert!(ring.advance(16));
        ring.push(entry(16, "b"));
        assert_eq!(ring.missed("a", 11), Missed::Forgotten, "12 is not there any more");
        assert_eq!(sequences(ring.missed("a", 12)), [15]);
    }
}
