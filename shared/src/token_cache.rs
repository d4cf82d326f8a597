//! Tokens that need not be signed or verified anew each time.

use std::borrow::Borrow;
use std::hash::Hash;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::time::{Clock, Timestamp};

/// How many are remembered when nobody says.
pub const TOKENS: usize = 10_000;

/// Remembers what was made of a key until a time; a bounded number of them, the least useful goes first.
///
/// What is remembered is exactly what was verified or signed, under the whole token or all that went into it, so that a
/// hit says no more than the work would have said again. Time is looked at for every hit.
pub struct TokenCache<K, V> {
    cache: Option<Cache<K, (V, Timestamp)>>,
    clock: Clock,
}

impl<K: Eq + Hash, V: Clone> TokenCache<K, V> {
    /// Of so many keys; of none with 0.
    pub fn new(keys: usize) -> Self {
        Self { cache: (keys > 0).then(|| Cache::new(keys)), clock: Clock::system() }
    }

    /// What is remembered under `key`, or what `make` makes, with the time until which it may be used again.
    ///
    /// # Errors
    /// Those of `make`, which are never remembered.
    pub fn get_or<Q, E>(&self, key: &Q, make: impl FnOnce() -> Result<(V, Timestamp), E>) -> Result<V, E>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        let Some(cache) = &self.cache else { return Ok(make()?.0) };
        if let Some((value, until)) = cache.get(key)
            && self.clock.now() < until
        {
            return Ok(value);
        }
        let (value, until) = make()?;
        cache.insert(key.to_owned(), (value.clone(), until));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Asks `times` times: what came out, and how often it was made.
    fn ask(cache: &TokenCache<String, u32>, until: Timestamp, times: u32) -> (Vec<u32>, u32) {
        let made = Cell::new(0);
        let make = || {
            made.set(made.get() + 1);
            Ok::<_, ()>((made.get(), until))
        };
        ((0..times).map(|_| cache.get_or("token", make).unwrap()).collect(), made.get())
    }

    #[test]
    fn it_is_made_once_as_long_as_it_is_good() {
        let now = Clock::system().now();
        let later = now.plus(std::time::Duration::from_secs(60));
        assert_eq!(ask(&TokenCache::new(10), later, 3), (vec![1, 1, 1], 1));
        assert_eq!(ask(&TokenCache::new(10), now, 3), (vec![1, 2, 3], 3), "it has expired");
        assert_eq!(ask(&TokenCache::new(0), later, 3), (vec![1, 2, 3], 3), "there is no cache");
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let cache = TokenCache::<String, u32>::new(10);
        let later = Clock::system().now().plus(std::time::Duration::from_secs(60));
        assert_eq!(cache.get_or("token", || Err("no")), Err("no"));
        assert_eq!(cache.get_or("token", || Ok::<_, ()>((1, later))), Ok(1));
        assert_eq!(cache.get_or("other", || Err("no")), Err("no"));
    }

    #[test]
    fn many_tokens_push_each_other_out() {
        let cache = TokenCache::<String, usize>::new(100);
        let later = Clock::system().now().plus(std::time::Duration::from_secs(60));
        for number in 0..1000 {
            cache.get_or(number.to_string().as_str(), || Ok::<_, ()>((number, later))).unwrap();
        }
        assert!(cache.cache.unwrap().len() <= 110);
    }
}
