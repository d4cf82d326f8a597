//! The worker that gives back the tokens of messages of which nothing was heard, and forgets old reservations.

use std::time::Duration;

use shared::Error;
use shared::error::Chain;
use shared::shutdown::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use super::commands::TokenCommands;

/// How often it looks. Reserving and reading do not wait for it: they see what is overdue by themselves.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it forgets: old reservations only take room.
const FORGET_INTERVAL: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy)]
enum Work {
    Expire,
    Forget,
}

/// Works until shutdown begins.
pub async fn run(tokens: TokenCommands, shutdown: Shutdown) {
    let (mut expire, mut forget) = (interval(INTERVAL), interval(FORGET_INTERVAL));
    expire.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let work = tokio::select! {
            () = shutdown.begun() => return,
            _ = expire.tick() => Work::Expire,
            _ = forget.tick() => Work::Forget,
        };
        while !shutdown.has_begun() {
            match work.batch(&tokens).await {
                Ok(0) => break,
                Ok(number) => tracing::info!(number, "{}", work.done()),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "reservations stay for the next round");
                    break;
                }
            }
        }
    }
}

impl Work {
    async fn batch(self, tokens: &TokenCommands) -> Result<usize, Error> {
        match self {
            Self::Expire => tokens.expire_batch().await,
            Self::Forget => tokens.forget_batch().await,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Expire => "users got the tokens of overdue reservations back",
            Self::Forget => "old reservations forgotten",
        }
    }
}
