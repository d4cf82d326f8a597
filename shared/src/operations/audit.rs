//! The record of what operators do.

use bytes::Bytes;

use super::{Operations, unavailable};
use crate::messaging::{Cause, Event, OutgoingHeaders, type_of};
use crate::time::Clock;
use crate::{Error, id};

/// The reason on record when none was given.
pub const NO_REASON: &str = "(none given)";

impl Operations {
    /// Puts on record what is about to be done; `cause` is the event that it is done about, if there is one.
    pub(super) async fn record<E: Event>(&self, event: &E, cause: Option<Cause>) -> Result<(), Error> {
        let id = id::new_id();
        let aggregate_id = event.aggregate_id();
        let headers = OutgoingHeaders {
            id: &id,
            event_type: &type_of(E::SUBJECT),
            source: &format!("/{}", self.source),
            subject: aggregate_id,
            time: Clock::system().now().to_rfc3339(),
            correlation_id: cause.as_ref().map_or(&id, |cause| &cause.correlation_id),
            causation_id: cause.as_ref().map(|cause| cause.event_id.as_str()),
            traceparent: crate::telemetry::traceparent().as_deref(),
        }
        .into_map();
        let subject = format!("{}.{aggregate_id}", E::SUBJECT);
        let data = Bytes::from(serde_json::to_vec(event).map_err(Error::internal)?);
        let sent = self.nats.jetstream.publish_with_headers(subject, headers, data);
        sent.await.map_err(unavailable)?.await.map_err(unavailable)?;
        Ok(())
    }
}
