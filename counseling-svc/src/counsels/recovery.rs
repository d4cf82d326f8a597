//! Ends the turns that a crashed process has left open.

use std::time::Duration;

use shared::error::Chain;
use shared::shutdown::Shutdown;

use super::commands::CounselCommands;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks for interrupted turns until shutdown begins.
pub fn run(commands: CounselCommands) -> impl FnOnce(Shutdown) -> futures::future::BoxFuture<'static, ()> {
    move |shutdown| {
        Box::pin(async move {
            let mut tick = tokio::time::interval(INTERVAL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = shutdown.begun() => return,
                    _ = tick.tick() => {}
                }
                match commands.recover().await {
                    Ok(0) => {}
                    Ok(turns) => tracing::warn!(turns, "interrupted turns were given up"),
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "interrupted turns could not be looked for");
                    }
                }
            }
        })
    }
}
