//! Where a feed is, and how its events tell it.

use std::fmt;

use shared::messaging::permissions::FEEDS;

/// A stream that feeds read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactStream {
    /// What happens in counsels.
    Counsels,
    /// What happens to users.
    Users,
}

impl FactStream {
    /// All of them, in the order of their numbers in an event's id. A new one comes last: ids that clients have kept
    /// do not change their meaning.
    pub const ALL: [Self; FEEDS.len()] = [Self::Counsels, Self::Users];

    /// What the broker calls it.
    pub fn name(self) -> &'static str {
        FEEDS[self as usize]
    }
}

/// How far every stream was read: the sequence of the last fact in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position([u64; FEEDS.len()]);

impl Position {
    /// In one of the streams.
    pub fn of(self, stream: FactStream) -> u64 {
        self.0[stream as usize]
    }

    /// Goes on in one of the streams, never back.
    pub fn advance(&mut self, stream: FactStream, sequence: u64) {
        let known = &mut self.0[stream as usize];
        *known = sequence.max(*known);
    }

    /// Goes on in all of them, never back.
    pub fn advance_to(&mut self, other: Self) {
        for stream in FactStream::ALL {
            self.advance(stream, other.of(stream));
        }
    }
}

/// The id of an event: the numbers, with hyphens between them.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = &self.0;
        write!(formatter, "{first}")?;
        others.iter().try_for_each(|other| write!(formatter, "-{other}"))
    }
}

/// What a client says it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// Everything up to these sequences. An id from before feeds told of a stream does not say where it was there.
    Seen([Option<u64>; FEEDS.len()]),
    /// Something that no gateway has told it.
    Unknown,
}

impl LastEventId {
    /// Reads what the client sent.
    pub fn read(text: &str) -> Self {
        let mut seen = [None; FEEDS.len()];
        for (at, part) in text.split('-').enumerate() {
            // Numbers that a gateway tells have neither a sign nor zeros before them.
            let number = part.parse::<u64>().ok().filter(|number| number.to_string() == part);
            match (seen.get_mut(at), number) {
                (Some(place), Some(_)) => *place = number,
                _ => return Self::Unknown,
            }
        }
        Self::Seen(seen)
    }

    /// What was seen of one stream, if the id says so.
    pub fn of(self, stream: FactStream) -> Option<u64> {
        match self {
            Self::Seen(seen) => seen[stream as usize],
            Self::Unknown => None,
        }
    }
}

impl From<Position> for LastEventId {
    fn from(position: Position) -> Self {
        Self::Seen(position.0.map(Some))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use shared::testkit::{Corpus, fuzz};

    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_told() {
        let mut position = Position::default();
        position.advance(FactStream::Counsels, 17);
        position.advance(FactStream::Users, 4);
        position.advance(FactStream::Users, 3);
        assert_eq!(position.to_string(), "17-4");
        assert_eq!(LastEventId::read("17-4"), position.into());
        position.advance_to(Position([16, 5]));
        assert_eq!(position, Position([17, 5]));
    }

    #[test]
    fn an_id_of_before_says_nothing_of_later_streams() {
        assert_eq!(LastEventId::read("17"), LastEventId::Seen([Some(17), None]));
        for text in [
            "",
            "-",
            "17-",
            "-4",
            "17-4-1",
            "17-x",
            "a-word",
            "-1",
            "1.5",
            "+17-4",
            "017",
            "99999999999999999999",
        ] {
            assert_eq!(LastEventId::read(text), LastEventId::Unknown, "{text}");
        }
    }

    #[test]
    fn what_is_taken_for_an_id_is_one_that_a_gateway_tells() {
        Corpus::new(["17-4", "0-18446744073709551615", "17"]).check_text(file!(), |text| {
            if let LastEventId::Seen(seen) = LastEventId::read(text) {
                let told: Vec<_> = seen.iter().flatten().map(u64::to_string).collect();
                assert_eq!(told.join("-"), text);
            }
        });
        fuzz(file!(), any::<[u64; FEEDS.len()]>(), |sequences| {
            let position = Position(sequences);
            assert_eq!(LastEventId::read(&position.to_string()), position.into());
        });
    }

    #[test]
    fn every_stream_has_its_place() {
        for (at, stream) in FactStream::ALL.into_iter().enumerate() {
            assert_eq!(stream as usize, at);
        }
        assert_eq!(FactStream::ALL.map(FactStream::name), ["COUNSELS", "USERS"]);
    }
}
