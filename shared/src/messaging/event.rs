//! Events as CloudEvents 1.0 in the NATS binding, binary mode.
//!
//! Source: CloudEvents 1.0.2 and its NATS protocol binding, <https://github.com/cloudevents/spec>; extension
//! attributes `traceparent` (distributed tracing), `correlationid` and `causationid`.

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::proto::events::v1;

/// The header by which JetStream recognises a message that was published before.
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";

/// A fact that services tell each other: one message of `proto/hearlers/events/v1`.
pub trait Event: Serialize + DeserializeOwned + Send + Sync {
    /// `<stream>.<aggregate>.<fact>`: the subject without its last token.
    const SUBJECT: &'static str;

    /// The aggregate the fact is about. Facts of one aggregate keep their order.
    fn aggregate_id(&self) -> &str;
}

macro_rules! events {
    ($($event:ident: $subject:literal of $aggregate:ident;)*) => {
        $(
            impl Event for v1::$event {
                const SUBJECT: &'static str = $subject;

                fn aggregate_id(&self) -> &str {
                    &self.$aggregate
                }
            }
        )*
    };
}

events! {
    UserCreated: "users.user.created" of user_id;
    UserUpdated: "users.user.updated" of user_id;
    UserDeleted: "users.user.deleted" of user_id;
    AuthChannelConnected: "users.auth_channel.connected" of user_id;
    TokensCredited: "users.tokens.credited" of user_id;
    TokensRevoked: "users.tokens.revoked" of user_id;
    AllowanceChanged: "users.allowance.changed" of user_id;
    CounselCreated: "counsels.counsel.created" of counsel_id;
    CounselMessageCreated: "counsels.message.created" of counsel_id;
    CounselMessageFailed: "counsels.message.failed" of counsel_id;
    CounselMessageReacted: "counsels.message.reacted" of counsel_id;
    RiskDetected: "counsels.risk.detected" of counsel_id;
    RapportGrown: "counsels.rapport.grown" of counselor_user_relationship_id;
    OrderPaid: "payments.order.paid" of order_id;
    OrderFailed: "payments.order.failed" of order_id;
    OrderCanceled: "payments.order.canceled" of order_id;
    OrderRefunded: "payments.order.refunded" of order_id;
    OrderMismatched: "payments.order.mismatched" of order_id;
    SubscriptionRenewed: "payments.subscription.renewed" of subscription_id;
    SubscriptionLapsed: "payments.subscription.lapsed" of subscription_id;
    DeadLetterReplayRequested: "operations.dead_letter.replay_requested" of dead_letter;
    DeadLetterDiscardRequested: "operations.dead_letter.discard_requested" of dead_letter;
    ConsumerReplayRequested: "operations.consumer.replay_requested" of consumer;
    ConsumerPauseRequested: "operations.consumer.pause_requested" of consumer;
    ConsumerResumeRequested: "operations.consumer.resume_requested" of consumer;
    InstanceDrainRequested: "operations.instance.drain_requested" of instance;
}

/// The CloudEvents type of the facts with this subject prefix.
pub(crate) fn type_of(subject: &str) -> String {
    format!("hearlers.{subject}.v1")
}

/// Where an event comes from: the chain that operators follow. Set around every handler of an event, so that
/// what the handler publishes names its cause.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) event_id: String,
    pub(crate) correlation_id: String,
}

tokio::task_local! {
    pub(crate) static CAUSE: Cause;
}

/// An event as it was received.
#[derive(Clone, Debug)]
pub struct ReceivedEvent {
    /// `ce-id`: the same on every delivery.
    pub id: String,
    /// `ce-type`, e.g. `hearlers.counsels.message.created.v1`.
    pub event_type: String,
    /// `ce-source`: the service that published it.
    pub source: String,
    /// `ce-correlationid`: the id of the first event of the chain.
    pub correlation_id: String,
    /// The subject it was published on.
    pub subject: String,
    /// Which delivery of it this is, from 1.
    pub deliveries: i64,
    data: Bytes,
}

impl ReceivedEvent {
    /// Reads a message.
    ///
    /// # Errors
    /// Says which CloudEvents attribute is missing: such a message can never be read.
    pub fn read(subject: &str, headers: Option<&HeaderMap>, data: Bytes) -> Result<Self, String> {
        let attribute = |name: &str| {
            headers
                .and_then(|headers| headers.get(name))
                .map(|value| value.as_str().to_owned())
                .ok_or_else(|| format!("not a CloudEvent: the header {name} is missing"))
        };
        let id = attribute("ce-id")?;
        Ok(Self {
            event_type: attribute("ce-type")?,
            source: attribute("ce-source")?,
            correlation_id: attribute("ce-correlationid").unwrap_or_else(|_| id.clone()),
            subject: subject.to_owned(),
            deliveries: 1,
            id,
            data,
        })
    }

    /// Whether it is an `E`.
    pub fn is<E: Event>(&self) -> bool {
        self.event_type == type_of(E::SUBJECT)
    }

    /// Its data.
    ///
    /// # Errors
    /// Says what is wrong with the JSON: such a message can never be read.
    pub fn data<E: Event>(&self) -> Result<E, String> {
        serde_json::from_slice(&self.data)
            .map_err(|error| format!("the data is not a {}: {error}", E::SUBJECT))
    }

    pub(crate) fn cause(&self) -> Cause {
        Cause { event_id: self.id.clone(), correlation_id: self.correlation_id.clone() }
    }
}

/// The headers of an event that is about to be published.
pub(crate) struct OutgoingHeaders<'a> {
    pub(crate) id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) source: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) time: String,
    pub(crate) correlation_id: &'a str,
    pub(crate) causation_id: Option<&'a str>,
    pub(crate) traceparent: Option<&'a str>,
}

impl OutgoingHeaders<'_> {
    pub(crate) fn into_map(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, self.id);
        headers.insert("ce-specversion", "1.0");
        headers.insert("ce-id", self.id);
        headers.insert("ce-type", self.event_type);
        headers.insert("ce-source", self.source);
        headers.insert("ce-subject", self.subject);
        headers.insert("ce-time", self.time.as_str());
        headers.insert("ce-correlationid", self.correlation_id);
        headers.insert("content-type", "application/json");
        if let Some(causation_id) = self.causation_id {
            headers.insert("ce-causationid", causation_id);
        }
        if let Some(traceparent) = self.traceparent {
            headers.insert("traceparent", traceparent);
        }
        headers
    }
}
