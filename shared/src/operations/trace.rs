//! The chain of causes and effects that an event belongs to.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::chain::{Chain, Reach};
use super::{Operations, StoredEvent};
use crate::Error;

/// One event of a chain.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// How many events lead to it: 0 for the first.
    pub depth: usize,
    /// The event.
    pub event: StoredEvent,
}

/// A chain of causes and effects.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// The id of the first event.
    pub correlation_id: String,
    /// Every event of it, each after its cause; effects of one event in the order in which they were stored.
    pub links: Vec<Link>,
    /// Nothing when all was read that was stored within ten minutes of its events, or the time that was asked for.
    /// Otherwise so much was stored that this is the number of seconds: an effect that came later is here only if it is
    /// about something that the chain names.
    pub gave_up_after_seconds: Option<f64>,
}

impl Operations {
    /// Follows the chain that an event belongs to over all streams, dead letters and what operators did included.
    ///
    /// Effects about what the chain names are found however late they came; others when they came `within` this time after
    /// an event of the chain, which is read whole. Without it that is ten minutes, and no more than some thousand events.
    ///
    /// # Errors
    /// As [`Operations::event`]; [`Error::FailedPrecondition`] when it is no CloudEvent.
    pub async fn trace(&self, key: &str, within: Option<Duration>) -> Result<Trace, Error> {
        self.trace_by(key, within.map_or_else(Reach::default, Reach::whole)).await
    }

    pub(super) async fn trace_by(&self, key: &str, reach: Reach) -> Result<Trace, Error> {
        let event = self.event(key).await?;
        let cause = event.cause().ok_or_else(|| {
            Error::FailedPrecondition("it is no CloudEvent: it has no causes and effects".to_owned())
        })?;
        let correlation_id = cause.correlation_id;
        let Chain { events, gave_up_after } = self.chain(event, &correlation_id, reach).await?;
        let gave_up_after_seconds = gave_up_after.map(|time| time.as_secs_f64());
        Ok(Trace { links: in_order(events), correlation_id, gave_up_after_seconds })
    }
}

/// Puts each event after its cause.
fn in_order(events: Vec<StoredEvent>) -> Vec<Link> {
    let ids: HashSet<_> = events.iter().filter_map(|event| event.id.clone()).collect();
    let mut copies = HashSet::new();
    let mut effects: HashMap<Option<String>, Vec<StoredEvent>> = HashMap::new();
    for event in events {
        // A dead letter and a replayed event are copies: shown below the first one, as if it had caused them.
        let first = event.id.as_ref().is_none_or(|id| copies.insert(id.clone()));
        let cause = if first {
            event.causation_id.clone().filter(|cause| ids.contains(cause) && event.id.as_ref() != Some(cause))
        } else {
            event.id.clone()
        };
        effects.entry(cause).or_default().push(event);
    }
    let mut links = Vec::new();
    let mut told = HashSet::new();
    let mut next: Vec<(usize, StoredEvent)> =
        effects.remove(&None).unwrap_or_default().into_iter().rev().map(|event| (0, event)).collect();
    while let Some((depth, event)) = next.pop() {
        if let Some(id) = event.id.clone()
            && told.insert(id.clone())
        {
            let caused = effects.remove(&Some(id)).unwrap_or_default();
            next.extend(caused.into_iter().rev().map(|effect| (depth + 1, effect)));
        }
        links.push(Link { depth, event });
    }
    links
}
