//! Looks now and then at what can be counted but tells nobody when it changes.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::database::Database;
use crate::messaging::{Nats, measure};
use crate::shutdown::Shutdown;

/// How often it looks at the pools.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often it asks the broker for dead letters.
const ASK_INTERVAL: Duration = Duration::from_secs(10);

/// Looks until shutdown begins. What cannot be seen stays as it was.
pub(super) async fn run(database: Database, nats: Nats, shutdown: Shutdown) {
    measure::begin();
    let (mut look, mut ask) = (interval(INTERVAL), interval(ASK_INTERVAL));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = look.tick() => database.measure(),
            _ = ask.tick() => {
                if let Err(error) = Box::pin(measure::look_at_dead_letters(&nats)).await {
                    tracing::debug!(%error, "the broker did not say how many dead letters there are");
                }
            }
        }
    }
}
