//! What a process knows of its own health: for probes, for gRPC health, and for whoever asks by the NATS service
//! protocol.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

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
    /// How many.
    pub waiting: u64,
    /// Since when the oldest of them waits, in seconds.
    pub oldest_seconds: f64,
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
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Report>>);

impl Health {
    /// What is known now.
    pub fn report(&self) -> Report {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
