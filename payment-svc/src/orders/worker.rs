//! The worker that sees to what nobody has finished: subscriptions that are due, orders that expire, payments and refunds
//! without an answer, and once a day a comparison of everything.

use std::time::Duration;

use shared::Error;
use shared::error::Chain;
use shared::shutdown::Shutdown;
use tokio::time::MissedTickBehavior;

use super::commands::OrderCommands;
use super::reconciliation;
use super::repository::{claim, claim_refund, due, refunds_due};
use crate::subscriptions;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many orders are seen to in one round.
const BATCH: u64 = 50;

/// Works until shutdown begins.
pub async fn run(orders: OrderCommands, shutdown: Shutdown) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = tick.tick() => {}
        }
        while !shutdown.has_begun() {
            match orders.see_to_batch().await {
                Ok(0) => break,
                Ok(number) => tracing::info!(number, "orders, refunds and subscriptions were seen to"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "orders stay for the next round");
                    break;
                }
            }
        }
        if let Err(error) = reconciliation::run_when_due(&orders, &shutdown).await {
            tracing::warn!(error = %Chain(&error), "orders were not compared with the providers");
        }
    }
}

impl OrderCommands {
    /// Sees to a batch of what is due; returns how many there were.
    ///
    /// # Errors
    /// When the database does not answer. What a provider does not answer is due again later.
    pub async fn see_to_batch(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        // The first ones may take long.
        let later = || self.clock.now().plus(self.settings.look_again);
        // Whose orders for the next month are due from now on.
        let subscriptions = subscriptions::worker::see_to(&self.database, &self.settings, now, BATCH).await?;
        let orders = due(self.database.read(), now, BATCH).await?;
        let refunds = refunds_due(self.database.read(), now, BATCH).await?;
        let number = subscriptions + orders.len() + refunds.len();
        for order in orders {
            if !claim(self.database.write(), &order, later()).await? {
                continue;
            }
            let seen = if order.expires_at <= now {
                self.end(&order).await
            } else if order.is_renewal() {
                self.charge(&order).await
            } else {
                self.look(&order).await
            };
            tell(&order.id, seen.err());
        }
        for refund in refunds {
            if claim_refund(self.database.write(), &refund, later()).await? {
                let id = refund.order_id.clone();
                tell(&id, self.carry_out(refund).await.err());
            }
        }
        Ok(number)
    }
}

fn tell(order_id: &str, error: Option<Error>) {
    if let Some(error) = error {
        tracing::warn!(order_id, error = %Chain(&error), "the order is seen to again later");
    }
}
