//! Reads a part of a stream, without leaving anything in the broker.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::{ConsumerErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode, Message};
use futures::TryStreamExt;

use super::unavailable;
use crate::messaging::STREAMS;
use crate::{Error, id};

/// When the broker forgets a reader whose process has died.
const FORGET: Duration = Duration::from_secs(30);
/// How many messages are asked for at once.
const BATCH: usize = 512;

/// A reader of its own, which sees what the stream holds now.
pub(super) struct Scan {
    stream: Stream<()>,
    consumer: Consumer<pull::Config>,
    left: u64,
}

/// A name that no consumer of the mesh goes by.
pub(super) fn reader_name() -> String {
    format!("operator-{}", id::new_id())
}

/// What is read of each message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Headers,
    Whole,
}

impl Scan {
    /// Begins at `from`; nothing when there is no such stream.
    pub(super) async fn begin(
        jetstream: &Context,
        stream: &str,
        subject: &str,
        from: DeliverPolicy,
        part: Part,
    ) -> Result<Option<Self>, Error> {
        Self::of_many(jetstream, stream, vec![subject.to_owned()], from, part).await
    }

    /// The same for several subjects.
    pub(super) async fn of_many(
        jetstream: &Context,
        stream: &str,
        mut subjects: Vec<String>,
        from: DeliverPolicy,
        part: Part,
    ) -> Result<Option<Self>, Error> {
        // A filter that lets everything through costs the broker as much as one that does not.
        let all = STREAMS.iter().find(|spec| spec.name == stream).map(|spec| spec.subjects);
        subjects.retain(|subject| Some(subject.as_str()) != all);
        let stream = jetstream.get_stream_no_info(stream).await.map_err(unavailable)?;
        let config = pull::Config {
            name: Some(reader_name()),
            filter_subjects: subjects,
            deliver_policy: from,
            ack_policy: AckPolicy::None,
            headers_only: part == Part::Headers,
            inactive_threshold: FORGET,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = match Box::pin(stream.create_consumer(config)).await {
            Ok(consumer) => consumer,
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    return Ok(None);
                }
                _ => return Err(unavailable(error)),
            },
        };
        let left = consumer.cached_info().num_pending;
        Ok(Some(Self { stream, consumer, left }))
    }

    /// How many messages are left, of those that were there at the beginning.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next messages, in order; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, Error> {
        self.take(BATCH).await
    }

    /// The next message.
    pub(super) async fn first(&mut self) -> Result<Option<Message>, Error> {
        Ok(self.take(1).await?.pop())
    }

    async fn take(&mut self, most: usize) -> Result<Vec<Message>, Error> {
        let size = most.min(usize::try_from(self.left).unwrap_or(most));
        if size == 0 {
            return Ok(Vec::new());
        }
        let batch =
            Box::pin(self.consumer.fetch().max_messages(size).messages()).await.map_err(unavailable)?;
        let messages: Vec<_> = batch.try_collect().await.map_err(unavailable)?;
        // What was removed meanwhile is not waited for.
        self.left = if messages.is_empty() { 0 } else { self.left.saturating_sub(messages.len() as u64) };
        Ok(messages)
    }

    /// Forgets the reader.
    pub(super) async fn end(self) {
        if let Err(error) = self.stream.delete_consumer(&self.consumer.cached_info().name).await {
            tracing::debug!(%error, "a reader was not removed; the broker forgets it by itself");
        }
    }
}
