//! Choices that look free and are the same every time: a small hash and a small generator.

/// A stream of choices that its seed decides.
///
/// The generator is splitmix64 by Sebastiano Vigna (public domain, <https://prng.di.unimi.it/splitmix64.c>), after
/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. The seed is mixed with
/// FNV-1a (Fowler, Noll, Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>) over the words of the conversation, so that
/// two turns of one counsel do not choose alike.
pub(super) struct Chance(u64);

impl Chance {
    /// The choices for these words.
    pub(super) fn new<'a>(seed: u64, words: impl Iterator<Item = &'a str>) -> Self {
        const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = OFFSET_BASIS;
        // A byte that no UTF-8 text contains ends each of the words.
        for byte in words.flat_map(|text| text.bytes().chain([0xff])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        Self(seed ^ hash)
    }

    /// A number below `bound`; 0 if there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let Ok(bound @ 1..) = u64::try_from(bound) else { return 0 };
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// True once in `times` times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first numbers that the reference implementation gives for the seed 1234567.
        let mut chance = Chance(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| chance.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_same_words_and_seed_choose_alike() {
        let drawn = |seed, words: [&str; 2]| Chance::new(seed, words.into_iter()).next();
        assert_eq!(drawn(7, ["a", "b"]), drawn(7, ["a", "b"]));
        assert_ne!(drawn(7, ["a", "b"]), drawn(8, ["a", "b"]));
        assert_ne!(drawn(7, ["a", "b"]), drawn(7, ["ab", ""]));
    }

    #[test]
    fn a_choice_among_nothing_is_the_first() {
        assert_eq!(Chance(1).below(0), 0);
    }
}
