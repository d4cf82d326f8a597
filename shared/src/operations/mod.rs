//! What operators see of the mesh and do to it: `meshctl` and the gateway's console are faces of this.
//!
//! Everything is read from the broker, by the calls that any NATS tool makes: what the mesh shows here can be seen with
//! `nats` as well. Whatever changes something is put on record first, as an event in the stream `OPERATIONS`, which is
//! where it is kept and not a copy of something: an action that cannot be recorded is not done.

mod audit;
mod chain;
mod consumers;
mod dead_letters;
mod events;
mod filter;
mod instances;
mod overview;
mod scan;
mod streams;
mod tail;
#[cfg(test)]
mod tests;
mod trace;

pub use audit::NO_REASON;
pub use consumers::{ConsumerState, From};
pub use dead_letters::{BuriedEvent, Done};
pub use events::{Found, StoredEvent};
pub use filter::Filter;
pub use instances::InstanceState;
pub use overview::Overview;
pub use streams::StreamState;
pub use tail::Tail;
pub use trace::{Link, Trace};

use crate::Error;
use crate::messaging::Nats;

/// The mesh in the hands of an operator.
#[derive(Clone)]
pub struct Operations {
    nats: Nats,
    operator: String,
    source: &'static str,
}

impl Operations {
    /// For `operator`, whose name goes on record with what is done; `source` names the tool, e.g. `meshctl`.
    pub fn new(nats: Nats, operator: impl Into<String>, source: &'static str) -> Self {
        Self { nats, operator: operator.into(), source }
    }

    /// The same for another operator.
    #[must_use]
    pub fn by(&self, operator: impl Into<String>) -> Self {
        Self { operator: operator.into(), ..self.clone() }
    }
}

/// What the broker did not answer, or refused.
fn unavailable(error: impl Into<async_nats::Error>) -> Error {
    Error::Unavailable(error.into())
}
