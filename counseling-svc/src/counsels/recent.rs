//! What admins change now and then and every message needs.
//!
//! It is read again after a second, and not when somebody has changed it: a change is made in another replica as often as
//! in this one, and what a counselor is told may be a second old.

use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use shared::Error;

/// How old what is told may be.
const KEPT: Duration = Duration::from_secs(1);
/// For how many keys it is kept; those that are asked for seldom make room.
const KEYS: usize = 1024;

/// What was read not long ago, by the ids that it was read for.
pub struct Recent<V> {
    kept: Duration,
    known: Cache<String, (Instant, V)>,
}

impl<V: Clone> Recent<V> {
    /// What `read` reads, or has read not long ago. What cannot be read is asked for again.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get(&self, ids: &[&str], read: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
        let key = ids.join("/");
        if let Some((_, known)) = self.known.get(&key).filter(|(since, _)| since.elapsed() < self.kept) {
            return Ok(known);
        }
        let began = Instant::now();
        let found = read.await?;
        self.known.insert(key, (began, found.clone()));
        Ok(found)
    }
}

impl<V: Clone> Default for Recent<V> {
    fn default() -> Self {
        Self { kept: KEPT, known: Cache::new(KEYS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_is_told_until_it_is_old() {
        let mut recent = Recent { kept: Duration::from_secs(3600), ..Recent::default() };
        assert_eq!(recent.get(&["a", "b"], async { Ok(1) }).await.unwrap(), 1);
        assert_eq!(recent.get(&["a", "b"], async { Ok(2) }).await.unwrap(), 1);
        assert_eq!(recent.get(&["a", "c"], async { Ok(3) }).await.unwrap(), 3, "it is another");
        recent.kept = Duration::ZERO;
        assert_eq!(recent.get(&["a", "b"], async { Ok(4) }).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_read_again() {
        let recent = Recent::default();
        assert!(recent.get(&["a"], async { Err(Error::NotFound("counselor")) }).await.is_err());
        assert_eq!(recent.get(&["a"], async { Ok(1) }).await.unwrap(), 1);
    }
}
