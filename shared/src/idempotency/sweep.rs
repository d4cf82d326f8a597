//! The worker that forgets what has expired.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::commands::IdempotencyKeys;
use crate::error::Chain;
use crate::shutdown::Shutdown;

/// How often it looks. Claiming does not wait for it: an expired claim is taken over.
const INTERVAL: Duration = Duration::from_secs(60);

/// Works until shutdown begins.
pub(crate) async fn run(keys: IdempotencyKeys, shutdown: Shutdown) {
    let mut round = interval(INTERVAL);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = round.tick() => {}
        }
        while !shutdown.has_begun() {
            match keys.forget_batch().await {
                Ok(0) => break,
                Ok(number) => tracing::debug!(number, "expired idempotency keys forgotten"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "expired idempotency keys stay for the next round");
                    break;
                }
            }
        }
    }
}
