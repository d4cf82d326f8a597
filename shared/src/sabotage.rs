//! Breaks promises on purpose, so that what checks them can be seen to notice. Only binaries of tests hold this.

use std::sync::OnceLock;
use std::time::Duration;

use async_nats::jetstream;
use sea_orm::ActiveValue;

use crate::messaging::Nats;
use crate::messaging::outbox;

/// The environment variable that names what is broken.
const VARIABLE: &str = "MESH_SABOTAGE";
/// How long the moment lasts in which a crash does harm. It is there without this, but a run would have to be long to hit it.
const MOMENT: Duration = Duration::from_millis(40);

static BROKER: OnceLock<jetstream::Context> = OnceLock::new();

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Events are published before the change that they tell of is committed.
    PublishBeforeCommit,
    /// Events are acknowledged before they are applied.
    AckBeforeCommit,
    /// Nobody looks whether an event was applied before.
    NoInbox,
}

impl Sabotage {
    /// What [`VARIABLE`] holds for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PublishBeforeCommit => "publish-before-commit",
            Self::AckBeforeCommit => "ack-before-commit",
            Self::NoInbox => "no-inbox",
        }
    }

    /// Whether this process is broken so.
    pub(crate) fn is_on(self) -> bool {
        std::env::var(VARIABLE).is_ok_and(|name| name == self.name())
    }
}

/// Lets transactions reach the broker.
pub(crate) fn reach(nats: &Nats) {
    let _ = BROKER.set(nats.jetstream.clone());
}

/// Publishes what is not committed yet.
pub(crate) async fn publish_ahead(events: &[outbox::ActiveModel]) {
    let Some(broker) = BROKER.get().filter(|_| Sabotage::PublishBeforeCommit.is_on()) else { return };
    for event in events.iter().cloned() {
        let text = |mut value: ActiveValue<String>| value.take().unwrap_or_default();
        let mut headers = async_nats::HeaderMap::new();
        let (id, aggregate) = (text(event.id), text(event.aggregate_id));
        headers.insert("Nats-Msg-Id", id.as_str());
        headers.insert("ce-specversion", "1.0");
        headers.insert("ce-id", id.as_str());
        headers.insert("ce-type", text(event.event_type).as_str());
        headers.insert("ce-source", "/sabotage");
        headers.insert("ce-subject", aggregate.as_str());
        headers.insert("ce-correlationid", text(event.correlation_id).as_str());
        let sent = broker.publish_with_headers(text(event.subject), headers, text(event.data).into()).await;
        if let Ok(ack) = sent {
            let _ = ack.await;
        }
    }
    if !events.is_empty() {
        tokio::time::sleep(MOMENT).await;
    }
}

/// Acknowledges what is not applied yet.
pub(crate) async fn acknowledge_ahead(message: &jetstream::Message) {
    if Sabotage::AckBeforeCommit.is_on() {
        let _ = message.double_ack().await;
        tokio::time::sleep(MOMENT).await;
    }
}

/// What is applied is acknowledged a moment later.
pub(crate) async fn acknowledge_late() {
    if Sabotage::NoInbox.is_on() {
        tokio::time::sleep(MOMENT).await;
    }
}
