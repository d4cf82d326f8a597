//! The runner of a durable pull consumer: each event takes effect once, however often it is delivered.

mod group;
mod settle;

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::{self, AckKind, consumer::pull};
use futures::StreamExt;
use futures::future::FutureExt;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::event::{CAUSE, ReceivedEvent, type_of};
use super::measure::Delivery;
use super::topology::ensure_consumer;
use super::{ConsumerSpec, Nats, TopologySettings, dead_letter, inbox};
use crate::Error;
use crate::database::{Database, Transaction};
use crate::error::Chain;
use crate::shutdown::Shutdown;
use crate::telemetry::{NatsHeaders, TraceParent};

/// Applies events to a service's own data.
pub trait Handler: Send + Sync + 'static {
    /// Applies one event in `transaction`, which commits together with the note that the event was applied.
    /// The same event never reaches a handler again once that has happened.
    fn handle(
        &self,
        event: &ReceivedEvent,
        transaction: &Transaction,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Applies events after something that takes long and must not hold a transaction open, such as a call to a model.
pub trait PreparingHandler: Send + Sync + 'static {
    /// What is made ready for the transaction.
    type Prepared: Send;

    /// Whether there is anything to prepare.
    const PREPARES: bool = true;

    /// Makes ready what [`PreparingHandler::handle`] needs, with no transaction open. It may happen several times for
    /// one event, when a process dies or a transaction fails; the broker waits for as long as it takes.
    fn prepare(
        &self,
        event: &ReceivedEvent,
    ) -> impl Future<Output = Result<Self::Prepared, HandlerError>> + Send;

    /// As [`Handler::handle`].
    fn handle(
        &self,
        event: &ReceivedEvent,
        prepared: Self::Prepared,
        transaction: &Transaction,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<H: Handler> PreparingHandler for H {
    type Prepared = ();

    const PREPARES: bool = false;

    async fn prepare(&self, _: &ReceivedEvent) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn handle(
        &self,
        event: &ReceivedEvent,
        (): (),
        transaction: &Transaction,
    ) -> Result<(), HandlerError> {
        Handler::handle(self, event, transaction).await
    }
}

/// Why an event was not applied.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may go better later: the event is delivered again.
    #[error("{0}")]
    Transient(#[from] Error),
    /// It never can: the event goes to the dead letters at once.
    #[error("{0}")]
    Permanent(String),
}

impl HandlerError {
    /// A word for it that tells nothing of what happened.
    fn kind(&self) -> &'static str {
        match self {
            Self::Transient(_) => "transient",
            Self::Permanent(_) => "permanent",
        }
    }
}

/// How a consumer treats its messages.
#[derive(Clone, Debug)]
pub struct ConsumerSettings {
    /// After this many deliveries an event goes to the dead letters.
    pub max_deliveries: i64,
    /// The pause after the first failed delivery; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a pull waits for messages; a broker that is silent for half of it is asked again.
    pub pull_expiry: Duration,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            max_deliveries: 12,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(60),
            pull_expiry: Duration::from_secs(10),
        }
    }
}

/// A consumer of one service.
pub struct Consumer<H> {
    /// What it reads.
    pub spec: &'static ConsumerSpec,
    /// What it does.
    pub handler: H,
    /// The broker.
    pub nats: Nats,
    /// Where effects and the inbox are.
    pub database: Database,
    /// How it treats its messages.
    pub settings: ConsumerSettings,
    /// How it is declared.
    pub topology: TopologySettings,
}

/// How many events are pulled ahead. What takes long to prepare is pulled when its turn has come: while it waited here
/// it would be delivered again, and prepared twice.
const BATCH: usize = 256;

/// How often it is looked whether a stream that was missing is there.
const STREAM_LOOK: Duration = Duration::from_millis(100);

enum Outcome {
    Applied,
    Known,
}

impl<H: PreparingHandler> Consumer<H> {
    /// Consumes until shutdown begins. Whatever goes wrong with the broker, it pulls again.
    pub async fn run(self, shutdown: Shutdown) {
        let mut pause = Duration::from_millis(100);
        while !shutdown.has_begun() {
            let began = Instant::now();
            if let Err(error) = self.consume(&shutdown).await {
                tracing::warn!(consumer = self.spec.name, error = %Chain(&*error), "pulling again");
            }
            // Reconnects must not become a busy loop, and a pull that worked for a while starts afresh.
            if began.elapsed() > self.settings.pull_expiry {
                pause = Duration::from_millis(100);
            }
            tokio::select! {
                () = shutdown.begun() => {}
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    }

    async fn consume(&self, shutdown: &Shutdown) -> Result<(), async_nats::Error> {
        let Some(mut consumer) = self.declare(shutdown).await? else { return Ok(()) };
        let mut messages = consumer
            .stream()
            .max_messages_per_batch(if H::PREPARES { 1 } else { BATCH })
            .expires(self.settings.pull_expiry)
            .heartbeat(self.settings.pull_expiry / 2)
            .messages()
            .await?;
        let mut in_flight = FuturesUnordered::new();
        let ended = loop {
            let has_room = in_flight.len() < self.spec.concurrency;
            let next = tokio::select! {
                biased;
                () = shutdown.begun() => {
                    hand_back(&mut messages).await;
                    break Ok(());
                }
                Some(()) = in_flight.next() => continue,
                next = tokio::time::timeout(self.settings.pull_expiry * 3, messages.next()), if has_room => next,
            };
            match next {
                Ok(Some(Ok(message))) => {
                    let (group, ended) = self.gather(message, &mut messages);
                    in_flight.push(self.deliver_all(group));
                    if let Some(ended) = ended {
                        break ended;
                    }
                }
                Ok(Some(Err(error))) => break Err(error.into()),
                Ok(None) => break Err("the pull ended".into()),
                Err(_) => {
                    if let Err(error) = self.check_idle(&mut consumer).await {
                        break Err(error);
                    }
                }
            }
        };
        in_flight.collect::<()>().await;
        ended
    }

    /// Declares the consumer as soon as its stream is there, which another service may have to start for first. Nothing
    /// when shutdown begins before that.
    async fn declare(
        &self,
        shutdown: &Shutdown,
    ) -> Result<Option<jetstream::consumer::Consumer<pull::Config>>, async_nats::Error> {
        let mut told = false;
        loop {
            if let Some(consumer) = ensure_consumer(&self.nats, self.spec, &self.topology).await? {
                return Ok(Some(consumer));
            }
            if !told {
                let ConsumerSpec { name, stream, .. } = self.spec;
                tracing::info!(consumer = name, stream, "waiting for the service that declares this stream");
                told = true;
            }
            tokio::select! {
                () = shutdown.begun() => return Ok(None),
                () = tokio::time::sleep(STREAM_LOOK) => {}
            }
        }
    }

    /// Raises the alarm when the broker holds events back that nobody else has either.
    async fn check_idle(
        &self,
        consumer: &mut jetstream::consumer::Consumer<pull::Config>,
    ) -> Result<(), async_nats::Error> {
        let info = consumer.info().await?;
        if info.num_pending > 0 && info.num_ack_pending == 0 {
            tracing::error!(
                consumer = self.spec.name,
                pending = info.num_pending,
                "pending but nothing delivered"
            );
            return Err("the broker delivers nothing although events are pending".into());
        }
        Ok(())
    }

    /// The span of a delivery, which continues the trace of the event.
    fn span(&self, message: &jetstream::Message) -> Span {
        let parent = message.headers.as_ref().map(|headers| TraceParent::of(&NatsHeaders(headers)));
        let span = tracing::info_span!(
            "consume",
            consumer = self.spec.name,
            subject = %message.subject,
            event_id = tracing::field::Empty,
            trace_id = parent.as_ref().and_then(TraceParent::trace_id),
        );
        if let Some(parent) = parent {
            parent.continue_in(&span);
        }
        span
    }

    async fn deliver(&self, message: jetstream::Message) {
        let span = self.span(&message);
        let deliver = async {
            let deliveries = deliveries(&message);
            #[cfg(feature = "sabotage")]
            crate::sabotage::acknowledge_ahead(&message).await;
            let delivery = Delivery::begin(self.spec.name, deliveries, Instant::now());
            let applied = self.apply_meanwhile_telling(&message, deliveries).await;
            #[cfg(feature = "sabotage")]
            crate::sabotage::acknowledge_late().await;
            self.settle(&message, delivery, applied).await;
        };
        deliver.instrument(span).await;
    }

    /// Applies an event, and tells the broker now and then that it is being worked on, so that nobody else gets it.
    async fn apply_meanwhile_telling(
        &self,
        message: &jetstream::Message,
        deliveries: i64,
    ) -> Result<Outcome, HandlerError> {
        let pause = self.topology.ack_wait / 3;
        let mut tick = tokio::time::interval_at(Instant::now() + pause, pause);
        let apply = self.apply(message, deliveries);
        tokio::pin!(apply);
        loop {
            tokio::select! {
                applied = &mut apply => return applied,
                _ = tick.tick() => {
                    if let Err(error) = message.ack_with(AckKind::Progress).await {
                        tracing::debug!(%error, "the broker was not told that an event is being worked on");
                    }
                }
            }
        }
    }

    async fn apply(&self, message: &jetstream::Message, deliveries: i64) -> Result<Outcome, HandlerError> {
        let Some(event) = self.read(message, deliveries)? else { return Ok(Outcome::Known) };
        let is_known = async || inbox::is_applied(self.database.read(), self.spec.name, &event.id).await;
        if H::PREPARES && is_known().await.map_err(Error::from)? {
            return Ok(Outcome::Known);
        }
        let prepared = self.handler.prepare(&event).await?;
        let transaction = self.database.begin().await?;
        let outcome = self.apply_in(&transaction, &event, prepared).await?;
        if matches!(outcome, Outcome::Applied) {
            transaction.commit().await?;
        }
        Ok(outcome)
    }

    /// The event of a message; nothing when it is a replay for another consumer.
    fn read(
        &self,
        message: &jetstream::Message,
        deliveries: i64,
    ) -> Result<Option<ReceivedEvent>, HandlerError> {
        if !dead_letter::is_meant_for(message.headers.as_ref(), self.spec.name) {
            return Ok(None);
        }
        let mut event =
            ReceivedEvent::read(&message.subject, message.headers.as_ref(), message.payload.clone())
                .map_err(HandlerError::Permanent)?;
        event.deliveries = deliveries;
        tracing::Span::current().record("event_id", &event.id);
        // Such as a later version's, of which nobody here knows what it means: it waits for that version.
        if !self.spec.facts.iter().any(|fact| event.event_type == type_of(fact)) {
            let reason =
                format!("{} does not take events of the type {:?}", self.spec.name, event.event_type);
            return Err(HandlerError::Permanent(reason));
        }
        Ok(Some(event))
    }

    async fn apply_in(
        &self,
        transaction: &Transaction,
        event: &ReceivedEvent,
        prepared: H::Prepared,
    ) -> Result<Outcome, HandlerError> {
        if !inbox::record(&**transaction, self.spec.name, &event.id).await.map_err(Error::from)? {
            return Ok(Outcome::Known);
        }
        CAUSE.scope(event.cause(), self.handler.handle(event, prepared, transaction)).await?;
        Ok(Outcome::Applied)
    }
}

/// How often the broker has delivered it, this time included.
fn deliveries(message: &jetstream::Message) -> i64 {
    message.info().map_or(1, |info| info.delivered)
}

/// Gives messages that were pulled but not begun back to the broker, for another replica.
async fn hand_back(messages: &mut pull::Stream) {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
            tracing::debug!(%error, "a message was not handed back; it is delivered again after its ack wait");
        }
    }
}
