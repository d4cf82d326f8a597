//! Claiming keys, and forgetting those that have expired.

use std::time::Duration;

use super::domain::Claim;
use super::repository;
use crate::Error;
use crate::database::Database;
use crate::time::Clock;

/// How many claims are forgotten at once.
pub(super) const FORGOTTEN_AT_ONCE: u64 = 1000;

/// The keys of one service.
#[derive(Clone)]
pub struct IdempotencyKeys {
    database: Database,
    clock: Clock,
    keep: Duration,
}

impl IdempotencyKeys {
    /// Keys that stand for their requests for as long as `keep`.
    pub fn new(database: &Database, clock: &Clock, keep: Duration) -> Self {
        Self { database: database.clone(), clock: clock.clone(), keep }
    }

    /// The id that the key stands for: the claim's, or that of the request which came first with it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no claim, [`Error::AlreadyExists`] when the key stands for another request.
    pub async fn claim(&self, claim: &Claim) -> Result<String, Error> {
        claim.check()?;
        let now = self.clock.now();
        let standing = repository::claim(self.database.write(), claim, now, now.plus(self.keep)).await?;
        if standing.request_hash == claim.request_hash {
            Ok(standing.id)
        } else {
            Err(Error::AlreadyExists("another request with this Idempotency-Key"))
        }
    }

    /// Forgets some claims that have expired; tells how many it found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_batch(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let names = repository::expired(self.database.read(), now, FORGOTTEN_AT_ONCE).await?;
        let number = names.len();
        if number > 0 {
            repository::forget(self.database.write(), names, now).await?;
        }
        Ok(number)
    }
}
