//! The chain of causes and effects that an event belongs to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use futures::future::try_join_all;
use serde::Serialize;

use super::consumers::date_time;
use super::events::{header, made_at};
use super::scan::{Part, Scan};
use super::{Operations, StoredEvent, unavailable};
use crate::Error;
use crate::messaging::{DEAD_LETTERS, OPERATIONS, STREAMS};
use crate::time::Timestamp;

/// A chain has ended when its streams have had nothing of it for so long. What an operator replays begins it anew.
const QUIET: Duration = Duration::from_secs(600);

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
}

impl Operations {
    /// Follows the chain that an event belongs to over all streams, dead letters and what operators did included.
    ///
    /// # Errors
    /// As [`Operations::event`]; [`Error::FailedPrecondition`] when it is no CloudEvent.
    pub async fn trace(&self, key: &str) -> Result<Trace, Error> {
        let event = self.event(key).await?;
        let cause = event.cause().ok_or_else(|| {
            Error::FailedPrecondition("it is no CloudEvent: it has no causes and effects".to_owned())
        })?;
        let correlation_id = cause.correlation_id;
        let begin = made_at(&correlation_id);
        let own = [DEAD_LETTERS, OPERATIONS];
        // Few, and whenever they came.
        let rare = STREAMS.iter().filter(|spec| own.contains(&spec.name));
        let rare = rare.map(|spec| self.members(spec.name, spec.subjects, &correlation_id, begin, None));
        let rare: Vec<_> = try_join_all(rare).await?.into_iter().flatten().collect();
        let again = rare.iter().filter(|event| event.stream == OPERATIONS).map(|event| event.stored_at);
        let again = again.map(|at| Ok(DeliverPolicy::ByStartTime { start_time: date_time(at)? }));
        let begins: Vec<_> = std::iter::once(Ok(begin)).chain(again).collect::<Result<_, Error>>()?;

        let facts = STREAMS.iter().filter(|spec| !own.contains(&spec.name));
        let looks = facts.flat_map(|spec| {
            begins
                .iter()
                .map(|begin| self.members(spec.name, spec.subjects, &correlation_id, *begin, Some(QUIET)))
        });
        let found = try_join_all(looks).await?;
        let mut events: BTreeMap<_, _> = BTreeMap::new();
        for event in found.into_iter().flatten().chain(rare).chain([event]) {
            events.insert((event.stored_at, event.stream.clone(), event.sequence), event);
        }
        Ok(Trace { links: in_order(events.into_values().collect()), correlation_id })
    }

    /// What of a chain a stream holds, from `begin` on until nothing of it came for `quiet`.
    async fn members(
        &self,
        stream: &str,
        subject: &str,
        correlation_id: &str,
        begin: DeliverPolicy,
        quiet: Option<Duration>,
    ) -> Result<Vec<StoredEvent>, Error> {
        let jetstream = &self.nats.jetstream;
        let Some(mut scan) = Scan::begin(jetstream, stream, subject, begin, Part::Headers).await? else {
            return Ok(Vec::new());
        };
        let mut sequences = Vec::new();
        let mut last = None;
        'scan: loop {
            let messages = scan.next().await?;
            if messages.is_empty() {
                break;
            }
            for message in &messages {
                let info = message.info().map_err(unavailable)?;
                let at = Timestamp::from(info.published);
                let last = last.get_or_insert(at);
                if quiet.is_some_and(|quiet| at > last.plus(quiet)) {
                    break 'scan;
                }
                let of_chain = header(message, "ce-correlationid").or_else(|| header(message, "ce-id"));
                if of_chain == Some(correlation_id) {
                    *last = at;
                    sequences.push(info.stream_sequence);
                }
            }
        }
        scan.end().await;
        let events = sequences.into_iter().map(|sequence| self.event_at(stream, sequence));
        Ok(try_join_all(events).await?.into_iter().flatten().collect())
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
