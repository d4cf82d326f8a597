//! The relay: publishes what waits in the outbox, in order for each aggregate.
//!
//! Replicas share the work by lanes. A replica leases the lanes in which events wait, publishes, marks, and gives
//! the lanes back; only the holder of a lane publishes from it, so two replicas never race on one aggregate. No
//! database transaction is open while the broker is asked. A replica that dies keeps its lanes until the lease ends.

mod lanes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishAckFuture;
use bytes::Bytes;
use futures::future::join_all;
use sea_orm::{DbErr, TransactionTrait};
use tracing::{Instrument, Span};

use super::event::OutgoingHeaders;
use super::{Nats, OutboxSignal, inbox, measure, outbox};
use crate::database::Database;
use crate::error::Chain;
use crate::id;
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TRACES, TraceParent};
use crate::time::Clock;

/// How the relay works.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// How often it looks for events that no commit told it of: another replica's, or a crashed process's.
    pub poll_interval: Duration,
    /// How long a lane stays with a replica that does not give it back.
    pub lease: Duration,
    /// How long a published event and an inbox entry are kept in the database.
    pub keep: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(500),
            lease: Duration::from_secs(15),
            // Longer than a stream keeps an event, so that the inbox knows everything that can still be delivered.
            keep: Duration::from_secs(35 * 86_400),
        }
    }
}

/// How many events are taken from the outbox at once.
const BATCH: u64 = 256;
/// How often old rows are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// How long the broker may take to acknowledge.
const ACK_LIMIT: Duration = Duration::from_secs(5);

/// Publishes one service's outbox.
pub struct Relay {
    database: Database,
    nats: Nats,
    source: String,
    replica: String,
    signal: Arc<OutboxSignal>,
    settings: RelaySettings,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error("the outbox cannot be read or marked")]
    Database(#[from] DbErr),
    #[error("the broker did not take {0} events")]
    Broker(usize),
}

impl Relay {
    /// A relay for the outbox in `database`; `service` becomes `ce-source`.
    pub fn new(database: Database, nats: Nats, service: &str, settings: RelaySettings) -> Self {
        let signal = database.outbox_signal();
        Self {
            database,
            nats,
            source: format!("/{service}"),
            replica: id::new_id(),
            signal,
            settings,
            clock: Clock::system(),
        }
    }

    /// Publishes until shutdown begins, then once more what is left.
    pub async fn run(self, shutdown: Shutdown) {
        let mut prune = tokio::time::interval(PRUNE_INTERVAL);
        let mut failing = false;
        while !shutdown.has_begun() {
            match self.drain().await {
                Ok(()) => failing = false,
                Err(error) => {
                    // Said once for an outage, not at every attempt.
                    if !failing {
                        tracing::warn!(error = %Chain(&error), "events wait in the outbox");
                    }
                    failing = true;
                    tokio::time::sleep(self.settings.poll_interval).await;
                }
            }
            tokio::select! {
                () = shutdown.begun() => break,
                () = self.signal.notified() => {}
                () = tokio::time::sleep(self.settings.poll_interval) => {}
                _ = prune.tick() => self.prune().await,
            }
        }
        if let Err(error) = self.drain().await {
            tracing::warn!(error = %Chain(&error), "events stay in the outbox until the next start");
        }
    }

    /// Publishes everything that waits in lanes nobody else holds.
    pub(super) async fn drain(&self) -> Result<(), RelayError> {
        loop {
            let waiting = outbox::waiting_lanes(self.database.read()).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            // By a clock that nobody puts forward or back: that of the database's rows may be.
            let lease_end = Instant::now() + self.settings.lease / 2;
            let held = self.lease(&waiting).await?;
            if held.is_empty() {
                return Ok(());
            }
            self.publish_lanes(&held, lease_end).await?;
        }
    }

    /// Publishes what waits in these lanes and gives them back. While a batch is on its way to the broker the one before is
    /// marked and the one behind is read.
    async fn publish_lanes(&self, held: &[i32], lease_end: Instant) -> Result<(), RelayError> {
        let mut batch = outbox::waiting(self.database.read(), held, 0, BATCH).await?;
        let mut unmarked = Vec::new();
        // A lease is never outlived: what is left is published with the next one.
        while !batch.is_empty() && Instant::now() < lease_end {
            let (count, last) = (batch.len(), batch.last().map_or(0, |event| event.seq));
            let behind = async {
                // Whoever got less than it asked for has seen the end.
                if (count as u64) < BATCH {
                    return Ok(Vec::new());
                }
                outbox::waiting(self.database.read(), held, last, BATCH).await
            };
            let (published, marked, behind) =
                tokio::join!(self.publish(batch), self.mark(std::mem::take(&mut unmarked)), behind);
            let missing = count - published.len();
            measure::relayed(published.len(), missing);
            unmarked = published;
            if missing > 0 || marked.is_err() || behind.is_err() {
                self.finish(held, unmarked).await?;
                marked?;
                behind?;
                return Err(RelayError::Broker(missing));
            }
            batch = behind?;
        }
        Ok(self.finish(held, unmarked).await?)
    }

    async fn mark(&self, published: Vec<i64>) -> Result<(), DbErr> {
        outbox::mark(self.database.write(), published, self.clock.now()).await
    }

    /// Marks the last events and gives the lanes back, with one write to the disk.
    async fn finish(&self, held: &[i32], published: Vec<i64>) -> Result<(), DbErr> {
        let transaction = self.database.write().begin().await?;
        outbox::mark(&transaction, published, self.clock.now()).await?;
        self.give_back(&transaction, held).await?;
        transaction.commit().await
    }

    /// Publishes events and returns the rows that the broker acknowledged.
    ///
    /// All are sent before the first ack is awaited, but never two of one aggregate: the second goes out when the
    /// first is acknowledged, and not at all when it failed.
    pub(super) async fn publish(&self, events: Vec<outbox::Model>) -> Vec<i64> {
        let mut published = Vec::with_capacity(events.len());
        let mut stuck = HashSet::new();
        let mut left = events;
        while !left.is_empty() {
            let mut in_round = HashSet::new();
            let (round, later): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|event| in_round.insert(event.aggregate_id.clone()));
            let round: Vec<_> =
                round.into_iter().filter(|event| !stuck.contains(&event.aggregate_id)).collect();
            let mut sent = Vec::with_capacity(round.len());
            for event in &round {
                let span = publishing(event);
                sent.push((self.send(event).instrument(span.clone()).await, span));
            }
            let acks = sent.into_iter().map(|(ack, span)| acknowledged(ack).instrument(span));
            let acks = join_all(acks).await;
            for (event, acknowledged) in round.into_iter().zip(acks) {
                if acknowledged {
                    published.push(event.seq);
                } else {
                    stuck.insert(event.aggregate_id);
                }
            }
            left = later;
        }
        published
    }

    async fn send(&self, event: &outbox::Model) -> Option<PublishAckFuture> {
        // Without export there is no span here, and what happens next hangs on what happened before.
        let traceparent = telemetry::traceparent().or_else(|| event.traceparent.clone());
        let headers = OutgoingHeaders {
            id: &event.id,
            event_type: &event.event_type,
            source: &self.source,
            subject: &event.aggregate_id,
            time: event.occurred_at.to_rfc3339(),
            correlation_id: &event.correlation_id,
            causation_id: event.causation_id.as_deref(),
            traceparent: traceparent.as_deref(),
        };
        let data = Bytes::from(event.data.clone());
        let sent = self.nats.jetstream.publish_with_headers(event.subject.clone(), headers.into_map(), data);
        match tokio::time::timeout(ACK_LIMIT, sent).await {
            Ok(Ok(ack)) => Some(ack),
            Ok(Err(error)) => {
                tracing::debug!(%error, event_id = event.id, "the broker did not take an event");
                None
            }
            Err(_) => None,
        }
    }

    async fn prune(&self) {
        let before = self.clock.now().minus(self.settings.keep);
        let pruned = async {
            let outbox = outbox::prune(self.database.write(), before).await?;
            let inbox = inbox::prune(self.database.write(), before).await?;
            Ok::<_, DbErr>((outbox, inbox))
        };
        match pruned.await {
            Ok((0, 0)) => {}
            Ok((outbox, inbox)) => tracing::info!(outbox, inbox, "old outbox and inbox rows removed"),
            Err(error) => tracing::warn!(%error, "old outbox and inbox rows were not removed"),
        }
    }
}

/// A span of what is published, in the trace of the transaction that wrote it: long after its spans have ended, perhaps.
fn publishing(event: &outbox::Model) -> Span {
    let destination = telemetry::destination(&event.subject);
    let span = tracing::info_span!(
        target: TRACES,
        "publish",
        otel.name = format!("send {destination}"),
        otel.kind = "producer",
        messaging.system = "nats",
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.destination.name = destination,
        messaging.message.id = event.id,
    );
    if let (Some(parent), false) = (&event.traceparent, span.is_disabled()) {
        TraceParent::of(&HashMap::from([("traceparent".to_owned(), parent.clone())])).continue_in(&span);
    }
    span
}

async fn acknowledged(ack: Option<PublishAckFuture>) -> bool {
    let taken = match ack {
        Some(ack) => matches!(tokio::time::timeout(ACK_LIMIT, ack).await, Ok(Ok(_))),
        None => false,
    };
    if !taken {
        telemetry::failed("unacknowledged");
    }
    taken
}
