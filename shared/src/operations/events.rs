//! Events as the streams hold them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{ErrorCode, Message};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::consumers::date_time;
use super::scan::{Part, Scan};
use super::{Filter, Operations, unavailable};
use crate::Error;
use crate::messaging::{Cause, DEAD_LETTERS, MESSAGE_ID, STREAMS, StreamSpec};
use crate::time::Timestamp;

/// How many messages are looked at, at most, where the broker cannot filter.
const MOST_SCANNED: u64 = 200_000;
/// How many messages are looked at first; each further look is four times as wide.
const FIRST_LOOK: u64 = 256;
/// How much clocks may differ: an event's id tells when it was made, by the clock of its service.
pub(super) const CLOCKS: Duration = Duration::from_secs(10);
/// How much they hardly ever differ.
pub(super) const NEAR: Duration = Duration::from_millis(100);
/// How many messages from there on are looked at first, in search of an id.
const FIRST_READ: usize = 4096;

/// An event in a stream, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredEvent {
    /// The stream that holds it.
    pub stream: String,
    /// Its sequence number there.
    pub sequence: u64,
    /// When the stream took it.
    pub stored_at: Timestamp,
    /// The subject that it was published on.
    pub subject: String,
    /// `ce-id`; nothing when it is no CloudEvent, like the rest of the attributes.
    pub id: Option<String>,
    /// `ce-type`.
    pub event_type: Option<String>,
    /// `ce-source`: the service that published it.
    pub source: Option<String>,
    /// `ce-subject`: the aggregate that it is about.
    pub aggregate: Option<String>,
    /// `ce-time`: when it happened.
    pub time: Option<String>,
    /// `ce-correlationid`: the first event of the chain.
    pub correlation_id: Option<String>,
    /// `ce-causationid`: the event that caused it.
    pub causation_id: Option<String>,
    /// Every header, as any tool shows it.
    pub headers: BTreeMap<String, String>,
    /// The data; `{"base64": …}` when it is not JSON.
    pub data: Value,
}

impl StoredEvent {
    pub(super) fn new(
        stream: &str,
        sequence: u64,
        stored_at: Timestamp,
        subject: &str,
        headers: Option<&HeaderMap>,
        data: &Bytes,
    ) -> Self {
        let headers: BTreeMap<_, _> = headers
            .into_iter()
            .flat_map(HeaderMap::iter)
            .filter_map(|(name, values)| Some((name.to_string(), values.first()?.to_string())))
            // What the broker adds to one that it is asked for by number.
            .filter(|(name, _)| !name.starts_with("Nats-") || name == MESSAGE_ID)
            .collect();
        let attribute = |name: &str| headers.get(name).cloned();
        Self {
            stream: stream.to_owned(),
            sequence,
            stored_at,
            subject: subject.to_owned(),
            id: attribute("ce-id"),
            event_type: attribute("ce-type"),
            source: attribute("ce-source"),
            aggregate: attribute("ce-subject"),
            time: attribute("ce-time"),
            correlation_id: attribute("ce-correlationid"),
            causation_id: attribute("ce-causationid"),
            data: serde_json::from_slice(data).unwrap_or_else(|_| json!({ "base64": STANDARD.encode(data) })),
            headers,
        }
    }

    /// # Errors
    /// When the message was not delivered by a stream.
    pub(super) fn of(message: &Message) -> Result<Self, Error> {
        let info = message.info().map_err(unavailable)?;
        let (headers, subject) = (message.headers.as_ref(), message.subject.as_str());
        let stored_at = info.published.into();
        Ok(Self::new(info.stream, info.stream_sequence, stored_at, subject, headers, &message.payload))
    }

    /// As the cause of what is done about it.
    pub(super) fn cause(&self) -> Option<Cause> {
        let event_id = self.id.clone()?;
        let correlation_id = self.correlation_id.clone().unwrap_or_else(|| event_id.clone());
        Some(Cause { event_id, correlation_id })
    }
}

/// What a search found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The newest events that fit, oldest first.
    pub events: Vec<StoredEvent>,
    /// Whether older ones may exist that were not looked at, because too many would have to be.
    pub gave_up: bool,
}

impl Operations {
    /// The newest `limit` events that fit.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field of the filter that nothing can fit.
    pub async fn find(&self, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let streams = filter.streams()?;
        let searches = streams.iter().map(|(stream, subject)| self.find_in(stream, subject, filter, limit));
        let found = try_join_all(searches).await?;
        let gave_up = found.iter().any(|found| found.gave_up);
        let mut events: Vec<_> = found.into_iter().flat_map(|found| found.events).collect();
        events.sort_by(|one, other| {
            (one.stored_at, &one.stream, one.sequence).cmp(&(other.stored_at, &other.stream, other.sequence))
        });
        events.drain(..events.len().saturating_sub(limit));
        Ok(Found { events, gave_up })
    }

    /// Reads all that fit when they are few. Otherwise looks at the end of a stream first, and then at ever wider parts
    /// before it.
    async fn find_in(
        &self,
        stream: &str,
        subject: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Found, Error> {
        let mut found = Found { events: Vec::new(), gave_up: false };
        let Some((first, mut end)) = self.span(stream, filter).await? else { return Ok(found) };
        let mut look = FIRST_LOOK.max(limit as u64);
        let few = self.count(stream, subject, first).await? <= look;
        let mut scanned = 0;
        while end > first && found.events.len() < limit {
            if scanned >= MOST_SCANNED {
                found.gave_up = true;
                break;
            }
            let begin = if few { first } else { end.saturating_sub(look).max(first) };
            let Some(mut scan) = self.scan_from(stream, subject, begin, Part::Whole).await? else { break };
            let mut part = Vec::new();
            'scan: loop {
                let messages = scan.next().await?;
                if messages.is_empty() {
                    break;
                }
                scanned += messages.len() as u64;
                for message in messages {
                    let event = StoredEvent::of(&message)?;
                    if event.sequence >= end {
                        break 'scan;
                    }
                    let aggregate = event.aggregate.as_deref();
                    if filter.fits(aggregate, &event.data) {
                        part.push(event);
                    }
                }
            }
            scan.end().await;
            part.append(&mut found.events);
            found.events = part;
            end = begin;
            look *= 4;
        }
        found.events.drain(..found.events.len().saturating_sub(limit));
        Ok(found)
    }

    async fn scan_from(
        &self,
        stream: &str,
        subject: &str,
        start_sequence: u64,
        part: Part,
    ) -> Result<Option<Scan>, Error> {
        let policy = DeliverPolicy::ByStartSequence { start_sequence };
        Scan::begin(&self.nats.jetstream, stream, subject, policy, part).await
    }

    /// How many there are from this sequence number on.
    async fn count(&self, stream: &str, subject: &str, from: u64) -> Result<u64, Error> {
        let Some(scan) = self.scan_from(stream, subject, from, Part::Headers).await? else { return Ok(0) };
        let count = scan.left();
        scan.end().await;
        Ok(count)
    }

    /// The sequence numbers between which a stream has what a filter asks for, the second one excluded.
    async fn span(&self, stream: &str, filter: &Filter) -> Result<Option<(u64, u64)>, Error> {
        let handle = self.nats.jetstream.get_stream_no_info(stream).await.map_err(unavailable)?;
        let Ok(info) = handle.get_info().await else {
            // Its service has never run; a broker that is gone shows in the next call.
            return Ok(None);
        };
        let (mut first, mut end) = (info.state.first_sequence.max(1), info.state.last_sequence + 1);
        if let Some(since) = filter.since {
            first = self.sequence_at(stream, since).await?.unwrap_or(end).max(first);
        }
        if let Some(until) = filter.until {
            end = self.sequence_at(stream, until).await?.unwrap_or(end);
        }
        Ok(Some((first, end)))
    }

    /// The sequence number of the first message that was stored at this time or later.
    async fn sequence_at(&self, stream: &str, at: Timestamp) -> Result<Option<u64>, Error> {
        let scan = Scan::begin(&self.nats.jetstream, stream, ">", since(at)?, Part::Headers).await?;
        let Some(mut scan) = scan else { return Ok(None) };
        let first = scan.first().await?.map(|message| message.info().map(|info| info.stream_sequence));
        scan.end().await;
        first.transpose().map_err(unavailable)
    }

    /// One event, by its id or as `<stream>:<sequence>`. Dead letters are copies and found by the latter alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no stream holds it; [`Error::Invalid`] when it cannot be one.
    pub async fn event(&self, key: &str) -> Result<StoredEvent, Error> {
        if let Some((stream, sequence)) = key.split_once(':') {
            let wrong = || Error::invalid("event", "must be an event's id, or <STREAM>:<sequence>");
            let sequence = sequence.parse().map_err(|_| wrong())?;
            if !STREAMS.iter().any(|spec| spec.name == stream) {
                return Err(wrong());
            }
            return self.event_at(stream, sequence).await?.ok_or(Error::NotFound("event"));
        }
        let found = match made(key) {
            None => self.look_up(key, DeliverPolicy::All, None).await?,
            Some(made) => match self.look_up(key, since(made.minus(NEAR))?, Some(FIRST_READ)).await? {
                Some(place) => Some(place),
                None => self.look_up(key, since(made.minus(CLOCKS))?, None).await?,
            },
        };
        let (stream, sequence) = found.ok_or(Error::NotFound("event"))?;
        self.event_at(stream, sequence).await?.ok_or(Error::NotFound("event"))
    }

    /// The event with this sequence number, if the stream still has it.
    pub(super) async fn event_at(&self, stream: &str, sequence: u64) -> Result<Option<StoredEvent>, Error> {
        let handle = self.nats.jetstream.get_stream_no_info(stream).await.map_err(unavailable)?;
        match handle.direct_get(sequence).await {
            Ok(message) => Ok(Some(StoredEvent::new(
                stream,
                message.sequence,
                message.time.into(),
                &message.subject,
                Some(&message.headers),
                &message.payload,
            ))),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) if self.has_stream(stream).await? => Err(unavailable(error)),
            // Its service has never run.
            Err(_) => Ok(None),
        }
    }

    async fn has_stream(&self, name: &str) -> Result<bool, Error> {
        match self.nats.jetstream.get_stream(name).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    Ok(false)
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    /// Where the event with this id is held, `from` there on and among the first `most` messages of each stream.
    async fn look_up(
        &self,
        id: &str,
        from: DeliverPolicy,
        most: Option<usize>,
    ) -> Result<Option<(&'static str, u64)>, Error> {
        let held = STREAMS.iter().filter(|spec| spec.name != DEAD_LETTERS);
        let seen = AtomicBool::new(false);
        let searches = held.map(|spec| self.look_up_in(spec, id, from, most, &seen));
        Ok(try_join_all(searches).await?.into_iter().flatten().next())
    }

    /// The same in one stream, until it was `seen` here or in another one.
    async fn look_up_in(
        &self,
        spec: &'static StreamSpec,
        id: &str,
        from: DeliverPolicy,
        most: Option<usize>,
        seen: &AtomicBool,
    ) -> Result<Option<(&'static str, u64)>, Error> {
        let jetstream = &self.nats.jetstream;
        let scan = Scan::begin(jetstream, spec.name, spec.subjects, from, Part::Headers).await?;
        let Some(mut scan) = scan else { return Ok(None) };
        let (mut found, mut read) = (None, 0);
        while !seen.load(Ordering::Relaxed) && most.is_none_or(|most| read < most) {
            let messages = scan.next().await?;
            if messages.is_empty() {
                break;
            }
            read += messages.len();
            let has_id = |message: &&Message| header(message, "ce-id") == Some(id);
            if let Some(message) = messages.iter().find(has_id) {
                found = Some((spec.name, message.info().map_err(unavailable)?.stream_sequence));
                seen.store(true, Ordering::Relaxed);
            }
        }
        scan.end().await;
        Ok(found)
    }
}

/// A header of a message.
pub(super) fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}

/// When an event with this id was made, by the clock of its service. Ids of another kind do not tell.
pub(super) fn made(id: &str) -> Option<Timestamp> {
    let (seconds, nanos) = Uuid::parse_str(id).ok()?.get_timestamp()?.to_unix();
    let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)? + i64::from(nanos / 1000);
    Some(Timestamp::from_micros(micros))
}

/// From the first message on that was stored at this time or later.
pub(super) fn since(at: Timestamp) -> Result<DeliverPolicy, Error> {
    Ok(DeliverPolicy::ByStartTime { start_time: date_time(at)? })
}
