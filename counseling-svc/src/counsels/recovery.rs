//! The worker that ends the turns that a crashed process has left open.

use std::time::Duration;

use shared::error::Chain;
use shared::shutdown::Shutdown;
use tokio::time::MissedTickBehavior;

use super::commands::CounselCommands;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Works until shutdown begins, and then waits for the turns under way, of which some have no caller any more.
pub async fn run(commands: CounselCommands, shutdown: Shutdown) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            _ = tick.tick() => {}
        }
        match commands.recover().await {
            Ok(0) => {}
            Ok(turns) => tracing::warn!(turns, "interrupted turns were given up"),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "interrupted turns stay for the next round");
            }
        }
    }
    commands.finish_turns().await;
}
