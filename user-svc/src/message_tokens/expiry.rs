//! The worker that gives back the tokens of messages of which nothing was heard.

use std::time::Duration;

use shared::error::Chain;
use shared::shutdown::Shutdown;

use super::commands::TokenCommands;

/// How often it looks. Reserving and reading do not wait for it: they see what is overdue by themselves.
const INTERVAL: Duration = Duration::from_secs(1);

/// Works until shutdown begins.
pub async fn run(tokens: TokenCommands, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        while !shutdown.has_begun() {
            match tokens.expire_batch().await {
                Ok(0) => break,
                Ok(users) => tracing::info!(users, "overdue reservations expired"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "overdue reservations stay for the next round");
                    break;
                }
            }
        }
    }
}
