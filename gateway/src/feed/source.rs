//! Reads a stream of facts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{self, consumer};
use futures::StreamExt;
use shared::error::Chain;
use shared::id;
use shared::messaging::{ReceivedEvent, dead_letter};
use shared::proto::events::v1;
use shared::shutdown::Shutdown;
use time::OffsetDateTime;

use super::hub::Hub;
use super::position::FactStream;
use super::ring::{Entry, Fact};

/// How long a pull may be silent before it is looked into; the broker shows that it lives twice as often.
const PULL: Duration = Duration::from_secs(10);
/// When the broker forgets a reader that has gone away.
const FORGET: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whether the stream is not there.
fn is_missing(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let kind = error.downcast_ref::<GetStreamError>().map(GetStreamError::kind);
    matches!(kind, Some(GetStreamErrorKind::JetStream(cause)) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Reads one stream for the feeds.
pub struct Source {
    stream: FactStream,
    hub: Arc<Hub>,
    jetstream: jetstream::Context,
    history: Duration,
    /// Which stream was read so far, if any: one that was made anew counts from 1 again.
    stream_created: Option<OffsetDateTime>,
}

impl Source {
    /// For `hub`, from `history` ago on.
    pub fn new(stream: FactStream, hub: Arc<Hub>, jetstream: jetstream::Context, history: Duration) -> Self {
        Self { stream, hub, jetstream, history, stream_created: None }
    }

    /// Reads until shutdown begins. Whatever goes wrong with the broker, it goes on where it was.
    pub async fn follow(mut self, shutdown: Shutdown) {
        let stream = self.stream.name();
        let mut pause = SHORTEST_PAUSE;
        loop {
            let began = tokio::time::Instant::now();
            let error = tokio::select! {
                () = shutdown.begun() => return,
                read = self.read() => match read {
                    Ok(never) => match never {},
                    Err(error) => error,
                },
            };
            // What worked for a while starts afresh.
            if began.elapsed() > PULL {
                pause = SHORTEST_PAUSE;
            }
            if self.stream_created.is_none() && is_missing(&*error) {
                // At the very first start its service has not declared it yet.
                tracing::debug!(stream, "waiting for a stream");
            } else if pause == SHORTEST_PAUSE {
                tracing::warn!(stream, error = %Chain(&*error), "a stream cannot be read; trying until it can");
            }
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    async fn read(&mut self) -> Result<Infallible, async_nats::Error> {
        let stream = Box::pin(self.jetstream.get_stream(self.stream.name())).await?;
        let goes_on = self.goes_on(stream.cached_info());
        let deliver_policy = if goes_on {
            DeliverPolicy::ByStartSequence { start_sequence: self.hub.last(self.stream) + 1 }
        } else {
            DeliverPolicy::ByStartTime { start_time: OffsetDateTime::now_utc() - self.history }
        };
        let reader = Box::pin(create(&stream, deliver_policy)).await?;
        if !goes_on {
            // Where the broker has found the beginning.
            self.hub.begin(self.stream, reader.cached_info().delivered.stream_sequence);
            self.stream_created = Some(stream.cached_info().created);
        }
        if reader.cached_info().num_pending == 0 {
            self.hub.caught_up(self.stream);
        }
        self.pull(reader).await
    }

    /// Whether the stream still has everything after what was read last.
    fn goes_on(&self, stream: &Info) -> bool {
        let last = self.hub.last(self.stream);
        self.stream_created == Some(stream.created)
            && stream.state.last_sequence >= last
            && stream.state.first_sequence <= last + 1
    }

    async fn pull(
        &self,
        mut reader: consumer::Consumer<pull::Config>,
    ) -> Result<Infallible, async_nats::Error> {
        let pull = reader.stream().max_messages_per_batch(256).expires(PULL).heartbeat(PULL / 2);
        let mut messages = Box::pin(pull.messages()).await?;
        let mut delivered = 0;
        loop {
            match tokio::time::timeout(PULL * 3, messages.next()).await {
                Ok(Some(Ok(message))) => {
                    let info = message.info()?;
                    delivered += 1;
                    if info.consumer_sequence != delivered {
                        return Err("a message was lost on its way".into());
                    }
                    let sequence = info.stream_sequence;
                    self.hub.publish(self.stream, sequence, self.entry(&message, sequence));
                    if info.pending == 0 {
                        self.hub.caught_up(self.stream);
                    }
                }
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) => return Err("the pull ended".into()),
                Err(_) if Box::pin(reader.info()).await?.num_pending > 0 => {
                    return Err("the broker delivers nothing although facts are pending".into());
                }
                Err(_) => {}
            }
        }
    }

    /// What a message tells. What cannot be read is left to those who keep dead letters, and what an operator delivers
    /// again to one consumer has been told before.
    fn entry(&self, message: &jetstream::Message, sequence: u64) -> Option<Entry> {
        if dead_letter::is_replayed(message.headers.as_ref()) {
            return None;
        }
        let event = ReceivedEvent::read(&message.subject, message.headers.as_ref(), message.payload.clone());
        let told = event.and_then(|event| told(&event));
        let (user_id, fact) = told
            .inspect_err(|error| tracing::warn!(subject = %message.subject, error, "a fact cannot be read"))
            .ok()??;
        Some(Entry { stream: self.stream, sequence, user_id, fact })
    }
}

/// A reader of this process alone: nothing is acknowledged, and where it was is known here. It reads facts that no feed
/// tells of as well, so that positions move on with every fact: who was told nothing for long has still not missed much.
async fn create(
    stream: &Stream,
    deliver_policy: DeliverPolicy,
) -> Result<consumer::Consumer<pull::Config>, async_nats::Error> {
    let config = pull::Config {
        // Named, though it is gone with its reader: the broker's permissions go by names.
        name: Some(format!("gateway-{}", id::new_id())),
        description: Some("the feeds of a gateway".to_owned()),
        deliver_policy,
        ack_policy: AckPolicy::None,
        inactive_threshold: FORGET,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    Ok(stream.create_consumer(config).await?)
}

/// Whom an event concerns, and what it says.
fn told(event: &ReceivedEvent) -> Result<Option<(String, Fact)>, String> {
    Ok(Some(if event.is::<v1::CounselCreated>() {
        let v1::CounselCreated { counsel_id, user_id, counselor_id, .. } = event.data()?;
        (user_id, Fact::CounselCreated { counsel_id, counselor_id })
    } else if event.is::<v1::CounselMessageCreated>() {
        let created: v1::CounselMessageCreated = event.data()?;
        let (counsel_id, counselor_id) = (created.counsel_id, created.counselor_id);
        let (message_id, reply_id) = (created.user_message_id, created.counselor_message_id);
        (created.user_id, Fact::MessageCreated { counsel_id, counselor_id, message_id, reply_id })
    } else if event.is::<v1::CounselMessageFailed>() {
        let v1::CounselMessageFailed { counsel_id, user_id, user_message_id, .. } = event.data()?;
        (user_id, Fact::MessageFailed { counsel_id, message_id: user_message_id })
    } else if event.is::<v1::CounselMessageReacted>() {
        let v1::CounselMessageReacted { counsel_id, user_id, counselor_message_id, .. } = event.data()?;
        (user_id, Fact::MessageReacted { counsel_id, message_id: counselor_message_id })
    } else if event.is::<v1::RapportGrown>() {
        let grown: v1::RapportGrown = event.data()?;
        let (counselor_id, relationship_id) = (grown.counselor_id, grown.counselor_user_relationship_id);
        (grown.user_id, Fact::RapportGrown { counselor_id, relationship_id, rapport: grown.rapport })
    } else if event.is::<v1::TokensCredited>() {
        (event.data::<v1::TokensCredited>()?.user_id, Fact::TokensChanged)
    } else if event.is::<v1::TokensRevoked>() {
        (event.data::<v1::TokensRevoked>()?.user_id, Fact::TokensChanged)
    } else if event.is::<v1::AllowanceChanged>() {
        (event.data::<v1::AllowanceChanged>()?.user_id, Fact::TokensChanged)
    } else {
        return Ok(None);
    }))
}
