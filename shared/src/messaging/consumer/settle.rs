//! What the broker is told of a delivery: that the event took effect, that it is to come again, or that it is with the dead
//! letters.

use std::time::Duration;

use async_nats::jetstream::{self, AckKind};

use super::{Consumer, HandlerError, Outcome, PreparingHandler, deliveries};
use crate::error::Chain;
use crate::messaging::dead_letter;
use crate::messaging::measure::{Delivery, Settled};
use crate::telemetry;

/// The most characters of the reason that goes with a dead letter.
const LONGEST_REASON: usize = 500;

impl<H: PreparingHandler> Consumer<H> {
    /// Tells the broker what became of a delivery.
    pub(super) async fn settle(
        &self,
        message: &jetstream::Message,
        delivery: Delivery,
        applied: Result<Outcome, HandlerError>,
    ) {
        let deliveries = deliveries(message);
        telemetry::note("messaging.nats.delivery_count", deliveries);
        if let Err(error) = &applied {
            telemetry::failed(error.kind());
        }
        let (settled, result) = match applied {
            Ok(Outcome::Applied) => {
                tracing::info!(deliveries, "event applied");
                (Settled::Applied, message.ack().await)
            }
            Ok(Outcome::Known) => {
                tracing::debug!(deliveries, "event known already");
                (Settled::Known, message.ack().await)
            }
            Err(HandlerError::Permanent(reason)) => (Settled::Buried, self.bury(message, &reason).await),
            Err(HandlerError::Transient(error)) if deliveries >= self.settings.max_deliveries => {
                let reason = format!("delivery {deliveries} failed: {}", Chain(&error));
                (Settled::Buried, self.bury(message, &reason).await)
            }
            Err(HandlerError::Transient(error)) => {
                let pause = self.pause_after(deliveries);
                tracing::warn!(error = %Chain(&error), deliveries, ?pause, "event not applied; delivered again later");
                (Settled::Failed, message.ack_with(AckKind::Nak(Some(pause))).await)
            }
        };
        delivery.end(settled);
        if let Err(error) = result {
            tracing::warn!(%error, "the broker was not told; it delivers the event again");
        }
    }

    async fn bury(&self, message: &jetstream::Message, reason: &str) -> Result<(), async_nats::Error> {
        // It may quote the message, and both together have to fit into one message.
        let reason = &reason.chars().take(LONGEST_REASON).collect::<String>();
        tracing::error!(reason, "event moved to the dead letters");
        dead_letter::bury(&self.nats, self.spec.name, message, reason).await?;
        message.double_ack().await
    }

    fn pause_after(&self, deliveries: i64) -> Duration {
        let doublings = u32::try_from((deliveries - 1).clamp(0, 20)).unwrap_or(20);
        let pause = self.settings.first_pause.saturating_mul(2_u32.saturating_pow(doublings));
        // Half of it is chance, so that events that failed together do not come back together.
        pause.min(self.settings.longest_pause).mul_f64(rand::random_range(0.5..1.0))
    }
}
