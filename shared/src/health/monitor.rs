//! Looks at what a process stands on.

use std::time::Duration;

use async_nats::connection::State;
use futures::future::join;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::Health;
use crate::database::Database;
use crate::messaging::{Nats, NatsSettings, measure, outbox};
use crate::shutdown::Shutdown;
use crate::time::Clock;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Between two questions to a JetStream that answers.
const ASK: Duration = Duration::from_secs(3);
/// What has not answered by then is gone.
const LIMIT: Duration = Duration::from_secs(2);
/// How long a server of a cluster may be connected without a word from JetStream before another one is tried.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the next one may. A cluster without a leader is silent everywhere, so this is no hurry.
const NEXT_SILENCE: Duration = Duration::from_secs(4);

/// Tells a [`Health`] every second how database, outbox and broker are, and counts what waits in the outbox.
pub struct Monitor {
    health: Health,
    nats: Nats,
    is_cluster: bool,
    database: Option<Database>,
}

impl Monitor {
    /// Of the broker that is reached by `settings`.
    pub fn new(health: &Health, nats: &Nats, settings: &NatsSettings) -> Self {
        Self { health: health.clone(), nats: nats.clone(), is_cluster: settings.is_cluster(), database: None }
    }

    /// Of a database and its outbox besides.
    #[must_use]
    pub fn with_database(self, database: Database) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Looks until shutdown begins.
    pub async fn run(self, shutdown: Shutdown) {
        // Side by side: one that stands still must not hide the other.
        let watch = join(self.watch_database(), self.watch_broker());
        tokio::select! {
            () = shutdown.begun() => {}
            _ = watch => {}
        }
    }

    async fn watch_database(&self) {
        let Some(database) = &self.database else { return };
        let (mut ticks, clock) = (ticks(), Clock::system());
        loop {
            ticks.tick().await;
            let found = timeout(LIMIT, outbox::backlog(database.read(), clock.now())).await;
            if let Ok(Ok(backlog)) = found {
                measure::waiting(backlog);
            }
            self.health.change(|known| match found {
                Ok(Ok(backlog)) => {
                    known.database = None;
                    known.outbox = Some(backlog);
                }
                Ok(Err(error)) => known.database = Some(error.to_string()),
                Err(_) => known.database = Some(format!("no answer within {LIMIT:?}")),
            });
        }
    }

    async fn watch_broker(&self) {
        let mut ticks = ticks();
        let (mut answered, mut patience_ends) = (None::<Instant>, None::<Instant>);
        loop {
            ticks.tick().await;
            if self.nats.client.connection_state() != State::Connected {
                answered = None;
                self.health.change(|known| known.broker = Some("not connected"));
                continue;
            }
            if answered.is_some_and(|at| at.elapsed() < ASK) {
                continue;
            }
            let asked = Instant::now();
            if self.has_jetstream().await {
                (answered, patience_ends) = (Some(asked), None);
                self.health.change(|known| known.broker = None);
            } else {
                answered = None;
                self.health.change(|known| known.broker = Some("JetStream does not answer"));
                let ends = *patience_ends.get_or_insert(asked + SILENCE);
                if self.is_cluster && Instant::now() >= ends {
                    self.try_another().await;
                    patience_ends = Some(Instant::now() + NEXT_SILENCE);
                }
            }
        }
    }

    async fn has_jetstream(&self) -> bool {
        // Boxed: the futures of the broker's client are large.
        let asked = Box::pin(self.nats.jetstream.query_account());
        matches!(timeout(LIMIT, asked).await, Ok(Ok(_)))
    }

    /// A server that was cut off from the others keeps its clients, who learn nothing from it. The client chooses the next
    /// one at random: should it be the same again, [`NEXT_SILENCE`] is soon over.
    async fn try_another(&self) {
        tracing::warn!("JetStream does not answer; connecting to another server of the cluster");
        if let Err(error) = self.nats.client.force_reconnect().await {
            tracing::warn!(%error, "the broker's client does not connect anew");
        }
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
