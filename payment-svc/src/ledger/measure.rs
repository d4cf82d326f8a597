//! Whether the ledger balances, for operators.

use std::time::Duration;

use shared::database::Database;
use shared::error::Chain;
use shared::metrics::{self, names};
use shared::shutdown::Shutdown;
use tokio::time::MissedTickBehavior;

use super::trial_balance::imbalances;

/// How often it is added up.
const INTERVAL: Duration = Duration::from_secs(60);

/// Adds the ledger up now and then, until shutdown begins, where anybody asks for numbers.
pub async fn run(database: Database, shutdown: Shutdown) {
    if !metrics::are_served() {
        return;
    }
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = tick.tick() => {}
        }
        match imbalances(&database).await {
            Ok(units) => {
                for (unit, imbalance) in units {
                    if imbalance != 0 {
                        tracing::error!(unit, imbalance, "the ledger does not balance");
                    }
                    ::metrics::gauge!(names::LEDGER_IMBALANCE, "unit" => unit).set(imbalance as f64);
                }
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "the ledger was not added up"),
        }
    }
}
