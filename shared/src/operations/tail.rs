//! Events as they come.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::{BoxStream, select_all, unfold};

use super::consumers::date_time;
use super::scan::reader_name;
use super::{Filter, Operations, StoredEvent, unavailable};
use crate::Error;

/// When the broker forgets a reader that nobody reads from.
const FORGET: Duration = Duration::from_secs(30);
/// A broker that has been silent for twice as long is gone.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long until a broker that is gone is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// Events that fit a filter, as they come.
pub type Tail = BoxStream<'static, Result<StoredEvent, Error>>;

impl Operations {
    /// Events that fit, from now on or from `filter.since` on. While the broker is gone none come, and none are lost:
    /// afterwards they go on where they were.
    ///
    /// # Errors
    /// As [`Operations::find`].
    pub async fn tail(&self, filter: &Filter) -> Result<Tail, Error> {
        let streams = filter.streams()?;
        let begin = streams.iter().map(|(stream, subject)| self.tail_of(stream, subject, filter));
        let tails: Vec<_> = try_join_all(begin).await?.into_iter().flatten().collect();
        Ok(select_all(tails).boxed())
    }

    async fn tail_of(&self, stream: &str, subject: &str, filter: &Filter) -> Result<Option<Tail>, Error> {
        let handle = self.nats.jetstream.get_stream_no_info(stream).await.map_err(unavailable)?;
        let Ok(info) = handle.get_info().await else { return Ok(None) };
        let next = match filter.since {
            Some(since) => DeliverPolicy::ByStartTime { start_time: date_time(since)? },
            None => DeliverPolicy::ByStartSequence { start_sequence: info.state.last_sequence + 1 },
        };
        let mut reader = Reader {
            jetstream: self.nats.jetstream.clone(),
            stream: stream.to_owned(),
            subject: subject.to_owned(),
            next,
            messages: None,
        };
        // What is wrong from the beginning is told.
        reader.begin().await?;
        let filter = filter.clone();
        let events = unfold(reader, |mut reader| async { Some((reader.next().await, reader)) });
        let fits = move |event: &Result<StoredEvent, Error>| match event {
            Ok(event) => filter.fits(event.aggregate.as_deref(), &event.data),
            Err(_) => true,
        };
        Ok(Some(events.filter(move |event| std::future::ready(fits(event))).boxed()))
    }
}

/// Reads on wherever it was. The client's ordered consumer would begin with the very first event when the broker goes
/// away before it has seen one.
struct Reader {
    jetstream: Context,
    stream: String,
    subject: String,
    next: DeliverPolicy,
    messages: Option<pull::Stream>,
}

impl Reader {
    async fn begin(&mut self) -> Result<(), Error> {
        let config = pull::Config {
            name: Some(reader_name()),
            filter_subjects: vec![self.subject.clone()],
            deliver_policy: self.next,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGET,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let created = self.jetstream.create_consumer_on_stream(config, &self.stream);
        let consumer = Box::pin(created).await.map_err(unavailable)?;
        let messages = Box::pin(consumer.stream().heartbeat(HEARTBEAT).messages()).await;
        self.messages = Some(messages.map_err(unavailable)?);
        Ok(())
    }

    async fn next(&mut self) -> Result<StoredEvent, Error> {
        loop {
            let Some(messages) = &mut self.messages else {
                if let Err(error) = self.begin().await {
                    tracing::debug!(%error, self.stream, "no events while the broker is gone");
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            };
            match messages.next().await {
                Some(Ok(message)) => {
                    let event = StoredEvent::of(&message)?;
                    self.next = DeliverPolicy::ByStartSequence { start_sequence: event.sequence + 1 };
                    return Ok(event);
                }
                // The reader was in the memory of a broker that is gone.
                Some(Err(_)) | None => self.messages = None,
            }
        }
    }
}
