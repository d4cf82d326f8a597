//! How far consumers are, and how they are stopped, started and sent back.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, Info};
use async_nats::jetstream::stream::{ConsumerErrorKind, ConsumerResetErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use futures::TryStreamExt;
use futures::future::try_join_all;
use serde::Serialize;
use time::OffsetDateTime;

use super::scan::{Part, Scan};
use super::{Operations, StreamState, unavailable};
use crate::Error;
use crate::messaging::{CONSUMERS, ConsumerSpec};
use crate::proto::events::v1;
use crate::time::{Clock, Timestamp};

/// A durable consumer as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsumerState {
    /// Its name.
    pub name: String,
    /// The stream that it reads.
    pub stream: String,
    /// The service that it belongs to, when the mesh knows it.
    pub owner: Option<&'static str>,
    /// The subjects that it takes.
    pub subjects: Vec<String>,
    /// Its lag: how many events it has not been given yet.
    pub pending: u64,
    /// How many it was given and has not acknowledged.
    pub ack_pending: u64,
    /// How many of those were given more than once.
    pub redelivered: u64,
    /// How many events it was given altogether, since it was made or sent back.
    pub deliveries: u64,
    /// How many pulls wait for events: none means that nobody consumes.
    pub waiting_pulls: u64,
    /// Everything up to this sequence number of the stream is acknowledged.
    pub acknowledged_to: u64,
    /// The sequence number of the last event that it was given.
    pub delivered_to: u64,
    /// When it was given the last event.
    pub delivered_at: Option<Timestamp>,
    /// For how long it is still paused, in seconds; nothing when it is not.
    pub paused_seconds: Option<u64>,
}

impl ConsumerState {
    fn of(info: Info) -> Self {
        let spec = CONSUMERS.iter().find(|spec| spec.name == info.name);
        let subject = Some(info.config.filter_subject).filter(|subject| !subject.is_empty());
        Self {
            owner: spec.map(|spec| spec.owner),
            subjects: subject.into_iter().chain(info.config.filter_subjects).collect(),
            pending: info.num_pending,
            ack_pending: info.num_ack_pending as u64,
            redelivered: info.num_redelivered as u64,
            deliveries: info.delivered.consumer_sequence,
            waiting_pulls: info.num_waiting as u64,
            acknowledged_to: info.ack_floor.stream_sequence,
            delivered_to: info.delivered.stream_sequence,
            delivered_at: info.delivered.last_active.map(Timestamp::from),
            paused_seconds: info.pause_remaining.filter(|_| info.paused).map(|left| left.as_secs()),
            name: info.name,
            stream: info.stream_name,
        }
    }
}

/// Where a consumer begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With this sequence number of the stream.
    Sequence(u64),
    /// With the first event that was stored at this time or later.
    Time(Timestamp),
}

impl Operations {
    /// Every durable consumer of the streams of events, in the order of the tables.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer.
    pub async fn consumers(&self) -> Result<Vec<ConsumerState>, Error> {
        let streams = self.streams().await?;
        self.consumers_among(&streams).await
    }

    pub(super) async fn consumers_among(&self, streams: &[StreamState]) -> Result<Vec<ConsumerState>, Error> {
        let read = streams.iter().filter(|stream| stream.of_events && stream.consumers > 0);
        let of_streams = try_join_all(read.map(|stream| self.consumers_of(&stream.name))).await?;
        let place = |name: &str| CONSUMERS.iter().position(|spec| spec.name == name).unwrap_or(usize::MAX);
        let mut consumers: Vec<_> = of_streams.into_iter().flatten().collect();
        consumers.sort_by(|one, other| (place(&one.name), &one.name).cmp(&(place(&other.name), &other.name)));
        Ok(consumers)
    }

    async fn consumers_of(&self, stream: &str) -> Result<Vec<ConsumerState>, Error> {
        let stream = self.nats.jetstream.get_stream_no_info(stream).await.map_err(unavailable)?;
        let infos: Vec<_> = stream.consumers().try_collect().await.map_err(unavailable)?;
        let durable = infos.into_iter().filter(|info| info.config.durable_name.is_some());
        Ok(durable.map(ConsumerState::of).collect())
    }

    /// Delivers to one consumer again what it has had from here on, and then goes on. What it has applied already
    /// changes nothing: the inbox knows. Answers how many events it gets, those that it had not had among them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such consumer, [`Error::Invalid`] when its stream has nothing there.
    pub async fn replay(&self, consumer: &str, from: From) -> Result<u64, Error> {
        let (spec, sequence, count) = self.replay_span(consumer, from).await?;
        let event = v1::ConsumerReplayRequested {
            consumer: spec.name.to_owned(),
            from_sequence: sequence,
            operator: self.operator.clone(),
        };
        self.record(&event, None).await?;
        let stream = self.stream_of(spec).await?;
        let reset = stream.reset_consumer(spec.name, Some(sequence)).await;
        reset.map_err(|error| match error.kind() {
            ConsumerResetErrorKind::NotFound => Error::NotFound("consumer"),
            _ => unavailable(error),
        })?;
        Ok(count)
    }

    /// What [`Operations::replay`] would deliver: the first sequence number, and how many events.
    ///
    /// # Errors
    /// As [`Operations::replay`].
    pub async fn would_replay(&self, consumer: &str, from: From) -> Result<(u64, u64), Error> {
        self.replay_span(consumer, from).await.map(|(_, sequence, count)| (sequence, count))
    }

    async fn replay_span(
        &self,
        consumer: &str,
        from: From,
    ) -> Result<(&'static ConsumerSpec, u64, u64), Error> {
        let spec = spec_of(consumer)?;
        let policy = match from {
            From::Sequence(start_sequence) => {
                DeliverPolicy::ByStartSequence { start_sequence: start_sequence.max(1) }
            }
            From::Time(at) => DeliverPolicy::ByStartTime { start_time: date_time(at)? },
        };
        let mut sequence = None;
        let mut count = 0;
        for fact in spec.facts {
            let subject = format!("{fact}.>");
            let scan =
                Scan::begin(&self.nats.jetstream, spec.stream, &subject, policy, Part::Headers).await?;
            let Some(mut scan) = scan else { continue };
            count += scan.left();
            if let Some(first) = scan.first().await? {
                let first = first.info().map_err(unavailable)?.stream_sequence;
                sequence = Some(sequence.map_or(first, |sequence: u64| sequence.min(first)));
            }
            scan.end().await;
        }
        let sequence = sequence.ok_or_else(|| {
            Error::invalid("from", format!("{} holds nothing for it from there on", spec.stream))
        })?;
        Ok((spec, sequence, count))
    }

    /// Gives a consumer no events until `pause` has passed. Its service unpauses it too when it starts.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such consumer.
    pub async fn pause(&self, consumer: &str, pause: Duration) -> Result<Timestamp, Error> {
        let spec = spec_of(consumer)?;
        let until = Clock::system().now().plus(pause);
        let event = v1::ConsumerPauseRequested {
            consumer: spec.name.to_owned(),
            until: until.to_rfc3339(),
            operator: self.operator.clone(),
        };
        self.record(&event, None).await?;
        let stream = self.stream_of(spec).await?;
        stream.pause_consumer(spec.name, date_time(until)?).await.map_err(refused)?;
        Ok(until)
    }

    /// Gives a paused consumer events again.
    ///
    /// # Errors
    /// As [`Operations::pause`].
    pub async fn resume(&self, consumer: &str) -> Result<(), Error> {
        let spec = spec_of(consumer)?;
        let event =
            v1::ConsumerResumeRequested { consumer: spec.name.to_owned(), operator: self.operator.clone() };
        self.record(&event, None).await?;
        self.stream_of(spec).await?.resume_consumer(spec.name).await.map_err(refused)?;
        Ok(())
    }

    async fn stream_of(&self, spec: &ConsumerSpec) -> Result<jetstream::stream::Stream<()>, Error> {
        self.nats.jetstream.get_stream_no_info(spec.stream).await.map_err(unavailable)
    }
}

fn spec_of(consumer: &str) -> Result<&'static ConsumerSpec, Error> {
    CONSUMERS.iter().find(|spec| spec.name == consumer).copied().ok_or(Error::NotFound("consumer"))
}

/// A time as the broker's client takes it.
pub(super) fn date_time(at: Timestamp) -> Result<OffsetDateTime, Error> {
    // The broker counts nanoseconds in 64 bits, which end in the year 2262, and goes on with the year 1677.
    let nanos = at.as_micros().saturating_mul(1000);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos))
        .map_err(|_| Error::invalid("time", "must be within the years -9999 to 9999"))
}

fn refused(error: jetstream::stream::ConsumerError) -> Error {
    match error.kind() {
        ConsumerErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::CONSUMER_NOT_FOUND => {
            Error::NotFound("consumer")
        }
        _ => unavailable(error),
    }
}
