//! Why a call got no response, and what callers are told.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};
use tower::BoxError;

/// The layers' error; callers see it as a [`Status`].
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody serves this.
    #[error("no instance of {service} is known")]
    NoInstance { service: Arc<str> },
    /// The request was never sent, so that any call may be repeated.
    #[error("{service} cannot be connected to")]
    NotConnected { service: Arc<str>, source: BoxError },
    /// The request may have been carried out.
    #[error("the connection to {service} broke during the call")]
    Broken { service: Arc<str>, source: BoxError },
    /// Too many calls are in flight.
    #[error("{service} is overloaded: {limit} calls are in flight")]
    Overloaded { service: Arc<str>, limit: usize },
    /// Time ran out.
    #[error("{service} did not answer within {limit:?}")]
    DeadlineExceeded { service: Arc<str>, limit: Duration },
    /// The caller's own request body failed.
    #[error("the request cannot be read")]
    Request(#[source] Status),
}

impl CallError {
    /// What callers see.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::NoInstance { .. }
            | Self::NotConnected { .. }
            | Self::Broken { .. }
            | Self::Overloaded { .. } => Code::Unavailable,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Self::Request(status) => status.code(),
        }
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let mut status = Self::new(error.code(), error.to_string());
        status.set_source(Arc::new(error));
        status
    }
}
