//! What a text is made of, so that most patterns can be ruled out without a search.

/// A Bloom filter with one hash: a bit for each part that there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace(u128);

impl Trace {
    pub(super) fn of_letters(letters: impl Iterator<Item = char>) -> Self {
        // Neighbours in Unicode are far apart in use.
        Self(letters.fold(0, |bits, letter| bits | 1 << (u32::from(letter) % 128)))
    }

    /// Of every two bytes that follow each other.
    pub(super) fn of_words(words: &str) -> Self {
        let part = |pair: &[u8]| (u32::from(pair[0]) * 31 + u32::from(pair[1])) % 128;
        Self(words.as_bytes().windows(2).fold(0, |bits, pair| bits | 1 << part(pair)))
    }

    /// Whether it may have all the parts of `other`. It has not, if this says no.
    pub(super) fn may_hold(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}
