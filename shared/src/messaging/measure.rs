//! Counts what becomes of events.

use std::time::Duration;

use async_nats::Event as ClientEvent;
use tokio::time::{Instant, MissedTickBehavior};

use super::{ConsumerSpec, DEAD_LETTERS, Nats};
use crate::health::Backlog;
use crate::metrics::names;
use crate::shutdown::Shutdown;

/// How often the broker is asked how far a consumer is.
const ASK_INTERVAL: Duration = Duration::from_secs(10);

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It took effect.
    Applied,
    /// It had before.
    Known,
    /// It is delivered again.
    Failed,
    /// It is with the dead letters.
    Buried,
}

impl Settled {
    const ALL: [Self; 4] = [Self::Applied, Self::Known, Self::Failed, Self::Buried];

    fn label(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Known => "known",
            Self::Failed => "failed",
            Self::Buried => "buried",
        }
    }

    fn counter(self, consumer: &'static str) -> metrics::Counter {
        metrics::counter!(names::CONSUMER_EVENTS, "consumer" => consumer, "result" => self.label())
    }
}

/// A delivery that is being settled.
pub(super) struct Delivery {
    consumer: &'static str,
    began: Instant,
}

impl Delivery {
    /// One that came for the `deliveries`th time, and began then.
    pub(super) fn begin(consumer: &'static str, deliveries: i64, began: Instant) -> Self {
        metrics::counter!(names::CONSUMER_DELIVERIES, "consumer" => consumer).increment(1);
        if deliveries > 1 {
            metrics::counter!(names::CONSUMER_REDELIVERIES, "consumer" => consumer).increment(1);
        }
        Self { consumer, began }
    }

    /// It ended so.
    pub(super) fn end(self, settled: Settled) {
        settled.counter(self.consumer).increment(1);
        metrics::histogram!(names::CONSUMER_SECONDS, "consumer" => self.consumer)
            .record(self.began.elapsed());
    }
}

/// The relay published so many events, and so many were not acknowledged.
pub(super) fn relayed(published: usize, failed: usize) {
    metrics::counter!(names::OUTBOX_PUBLISHED).increment(published as u64);
    metrics::counter!(names::OUTBOX_FAILURES).increment(failed as u64);
}

/// Something happened to the connection to the broker.
pub(super) fn connection(event: &ClientEvent) {
    match event {
        ClientEvent::Connected => {
            metrics::gauge!(names::BROKER_CONNECTED).set(1.0);
            metrics::counter!(names::BROKER_CONNECTS).increment(1);
        }
        ClientEvent::Disconnected | ClientEvent::Closed => {
            metrics::gauge!(names::BROKER_CONNECTED).set(0.0);
        }
        ClientEvent::LameDuckMode
        | ClientEvent::Draining
        | ClientEvent::SlowConsumer(_)
        | ClientEvent::ServerError(_)
        | ClientEvent::ClientError(_) => {}
    }
}

/// Asks the broker how far a consumer is, now and then, until shutdown begins. What was not answered stays as it was.
pub(crate) async fn follow_consumer(nats: Nats, spec: &'static ConsumerSpec, shutdown: Shutdown) {
    let consumer = spec.name;
    // A counter that begins with its first event hides that one from whoever looks at its growth.
    metrics::counter!(names::CONSUMER_DELIVERIES, "consumer" => consumer).increment(0);
    metrics::counter!(names::CONSUMER_REDELIVERIES, "consumer" => consumer).increment(0);
    for settled in Settled::ALL {
        settled.counter(consumer).increment(0);
    }
    let pending = metrics::gauge!(names::CONSUMER_PENDING, "consumer" => consumer);
    let ack_pending = metrics::gauge!(names::CONSUMER_ACK_PENDING, "consumer" => consumer);
    let paused = metrics::gauge!(names::CONSUMER_PAUSED, "consumer" => consumer);
    let mut ticks = tokio::time::interval(ASK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = ticks.tick() => {}
        }
        let asked = async {
            let stream = nats.jetstream.get_stream_no_info(spec.stream).await?;
            Ok::<_, async_nats::Error>(stream.consumer_info(consumer).await?)
        };
        match Box::pin(asked).await {
            Ok(info) => {
                pending.set(info.num_pending as f64);
                ack_pending.set(info.num_ack_pending as f64);
                paused.set(if info.paused { 1.0 } else { 0.0 });
            }
            Err(error) => tracing::debug!(%error, consumer, "it is not known how far a consumer is"),
        }
    }
}

/// So much waits in the outbox.
pub(crate) fn waiting(backlog: Backlog) {
    metrics::gauge!(names::OUTBOX_WAITING).set(backlog.waiting as f64);
    metrics::gauge!(names::OUTBOX_OLDEST).set(backlog.oldest_seconds);
}

/// Asks the broker how many dead letters there are.
pub(crate) async fn look_at_dead_letters(nats: &Nats) -> Result<(), async_nats::Error> {
    let stream = nats.jetstream.get_stream(DEAD_LETTERS).await?;
    metrics::gauge!(names::DEAD_LETTERS).set(stream.cached_info().state.messages as f64);
    Ok(())
}

/// Makes the counters that grow with the first event appear before it.
pub(crate) fn begin() {
    relayed(0, 0);
}
