//! What a process knows of its own health: for probes, for gRPC health, and for whoever asks by the NATS service
//! protocol.

mod calls;
mod monitor;
mod probes;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use calls::Call;
use calls::Counter;
pub use monitor::Monitor;
pub(crate) use probes::probes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How long an event may wait in the outbox of a process that has its broker.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a process can do its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Everything is there.
    Ready,
    /// It serves, but something is late: events wait in the outbox while the broker is gone, for instance.
    Degraded,
    /// It should get no requests.
    #[default]
    Unready,
}

/// Events that wait in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    /// How many; nobody counts further than [`Backlog::COUNTED`].
    pub waiting: u64,
    /// Since when the oldest of them waits, in seconds.
    pub oldest_seconds: f64,
}

impl Backlog {
    /// Where counting ends, so that a large backlog costs no more than this one.
    pub const COUNTED: u64 = 10_000;

    fn count(self) -> String {
        match self.waiting {
            1 => "1 event waits".to_owned(),
            Self::COUNTED.. => format!("{} events or more wait", Self::COUNTED),
            waiting => format!("{waiting} events wait"),
        }
    }
}

/// Requests or RPCs since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// Those that were answered.
    pub total: u64,
    /// Those of them that failed through no fault of the caller: HTTP 5xx, gRPC UNKNOWN, INTERNAL, UNAVAILABLE,
    /// DATA_LOSS and DEADLINE_EXCEEDED.
    pub failed: u64,
    /// Those that are under way.
    pub in_flight: u64,
    /// What answering took altogether, in seconds.
    pub seconds: f64,
}

/// What a process says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether it can do its work.
    pub status: Status,
    /// Why it is not ready, each as `<part>: <what is the matter>`.
    pub reasons: Vec<String>,
    /// Its outbox; the gateway has none.
    pub outbox: Option<Backlog>,
    /// What it has answered.
    pub calls: Calls,
}

/// The health of this process. Clones share it.
///
/// A [`Monitor`] looks at what the process stands on; how far it is in its life is said by whoever runs it.
///
/// ```
/// use shared::health::{Health, Status};
///
/// let health = Health::default();
/// assert_eq!(health.report().status, Status::Unready);
/// health.serving();
/// assert_eq!(health.report().status, Status::Ready);
/// health.stopping();
/// assert_eq!(health.report().reasons, ["process: stopping"]);
/// ```
#[derive(Clone, Default)]
pub struct Health(Arc<Shared>);

#[derive(Default)]
struct Shared {
    known: watch::Sender<Known>,
    needs: OnceLock<Box<dyn Fn() -> Vec<String> + Send + Sync>>,
    calls: Counter,
}

/// What was seen at last. Of a part that is well there is no word.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    phase: Phase,
    database: Option<String>,
    broker: Option<&'static str>,
    outbox: Option<Backlog>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Serving,
    Stopping,
}

impl Known {
    fn can_serve(&self) -> bool {
        self.phase == Phase::Serving && self.database.is_none()
    }

    fn report(self, needed: Vec<String>) -> Report {
        let late = self.late();
        let status = match () {
            () if !self.can_serve() || !needed.is_empty() => Status::Unready,
            () if self.broker.is_some() || late.is_some() => Status::Degraded,
            () => Status::Ready,
        };
        let phase = match self.phase {
            Phase::Starting => Some("process: starting".to_owned()),
            Phase::Serving => None,
            Phase::Stopping => Some("process: stopping".to_owned()),
        };
        let database = self.database.map(|matter| format!("database: {matter}"));
        let broker = self.broker.map(|matter| match self.outbox {
            Some(backlog) if backlog.waiting > 0 => {
                format!("broker: {matter}; {} in the outbox", backlog.count())
            }
            _ => format!("broker: {matter}"),
        });
        let reasons = phase.into_iter().chain(database).chain(needed).chain(broker).chain(late).collect();
        Report { status, reasons, outbox: self.outbox, calls: Calls::default() }
    }

    /// Events that wait though nothing is known to keep them.
    fn late(&self) -> Option<String> {
        let backlog = self.outbox.filter(|backlog| backlog.oldest_seconds > PATIENCE.as_secs_f64())?;
        let Backlog { oldest_seconds, .. } = backlog;
        self.broker.is_none().then(|| format!("outbox: {}, one for {oldest_seconds:.0} s", backlog.count()))
    }
}

impl Health {
    /// What is known now.
    pub fn report(&self) -> Report {
        let known = self.0.known.borrow().clone();
        let needed = self.0.needs.get().map(|missing| missing()).unwrap_or_default();
        Report { calls: self.0.calls.read(), ..known.report(needed) }
    }

    /// The process does its work from now on.
    pub fn serving(&self) {
        self.change(|known| known.phase = Phase::Serving);
    }

    /// The process ends: it should get nothing more.
    pub fn stopping(&self) {
        self.change(|known| known.phase = Phase::Stopping);
    }

    /// What this process cannot serve without, beside its database: `missing` is asked at every report, and says what is
    /// not there as [`Report::reasons`] does. Only the first one counts.
    pub fn needs(&self, missing: impl Fn() -> Vec<String> + Send + Sync + 'static) {
        let _ = self.0.needs.set(Box::new(missing));
    }

    /// Whether the broker is connected and JetStream answers, as was seen at last.
    pub fn has_broker(&self) -> bool {
        self.0.known.borrow().broker.is_none()
    }

    /// A request or RPC has come.
    pub fn call(&self) -> Call {
        Call::begin(self.clone())
    }

    /// Whether this process should get calls, once that is not what `before` says.
    pub(crate) async fn turns(&self, before: Option<bool>) -> bool {
        let mut changes = self.0.known.subscribe();
        let turned = changes.wait_for(|known| Some(known.can_serve()) != before).await;
        turned.is_ok_and(|known| known.can_serve())
    }

    fn counter(&self) -> &Counter {
        &self.0.calls
    }

    /// Takes in what was seen, and says in the log what it means when it means something else than before.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        let before = self.0.known.borrow().clone().report(Vec::new()).status;
        self.0.known.send_if_modified(|known| {
            let old = known.clone();
            change(known);
            *known != old
        });
        let Report { status, reasons, .. } = self.0.known.borrow().clone().report(Vec::new());
        match status {
            _ if status == before => {}
            Status::Ready => tracing::info!("healthy"),
            Status::Degraded | Status::Unready => tracing::warn!(?status, ?reasons, "not healthy"),
        }
    }
}
