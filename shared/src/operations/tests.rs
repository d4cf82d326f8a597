//! What operators see and do, on a real broker, with the rights of the console.

mod acting;
mod looking;

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::id::new_id;
use crate::mesh::SERVICES;
use crate::messaging::permissions::CONSOLE;
use crate::messaging::{OutgoingHeaders, TopologySettings, reconcile, type_of};
use crate::testkit::{Corpus, NatsServer, message};
use crate::time::Clock;

/// A broker with the mesh's streams, and an operator at the console.
struct World {
    nats: Nats,
    console: Operations,
    server: NatsServer,
}

/// An event as a service publishes it.
#[derive(Default)]
struct Told {
    id: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
}

impl World {
    async fn new() -> Self {
        let server = NatsServer::start().await;
        let nats = server.connect().await;
        for service in SERVICES {
            reconcile(&nats, &TopologySettings::default(), service).await.unwrap();
        }
        let console = Operations::new(server.connect_as(CONSOLE).await, "an-admin", "console");
        Self { nats, console, server }
    }

    /// Publishes an event and returns its id.
    async fn tell(&self, fact: &str, aggregate: &str, data: Value, told: Told) -> String {
        let id = told.id.unwrap_or_else(new_id);
        let headers = OutgoingHeaders {
            id: &id,
            event_type: &type_of(fact),
            source: "/test-svc",
            subject: aggregate,
            time: "2026-01-02T03:04:05Z".to_owned(),
            correlation_id: told.correlation_id.as_deref().unwrap_or(&id),
            causation_id: told.causation_id.as_deref(),
            traceparent: None,
        };
        self.publish(&format!("{fact}.{aggregate}"), headers.into_map(), data.to_string().into()).await;
        id
    }

    async fn publish(&self, subject: &str, headers: HeaderMap, data: Bytes) {
        let sent = self.nats.jetstream.publish_with_headers(subject.to_owned(), headers, data).await;
        sent.unwrap().await.unwrap();
    }

    async fn updated(&self, user: &str) -> String {
        self.tell("users.user.updated", user, json!({ "userId": user }), Told::default()).await
    }

    /// Publishes so many events that have nothing to do with anything.
    async fn updated_often(&self, number: usize) {
        join_all((0..number).map(|_| self.updated("common"))).await;
    }

    /// Buries the newest event with this subject as the consumer does that could not apply it.
    async fn bury(&self, consumer: &str, subject: &str, reason: &str) {
        let stream = subject.split('.').next().unwrap().to_uppercase();
        let stream = self.nats.jetstream.get_stream(stream).await.unwrap();
        let message = stream.get_last_raw_message_by_subject(subject).await.unwrap();
        let mut headers = message.headers;
        for (name, value) in [
            ("reason", reason),
            ("consumer", consumer),
            ("subject", subject),
            ("stream", &stream.cached_info().config.name),
            ("sequence", &message.sequence.to_string()),
            ("deliveries", "3"),
        ] {
            headers.insert(format!("mesh-dlq-{name}"), value);
        }
        headers.insert("Nats-Msg-Id", new_id());
        self.publish(&format!("dlq.{consumer}.{subject}"), headers, message.payload).await;
    }

    /// What is on record, as the fact and its data.
    async fn record(&self) -> Vec<(String, Value)> {
        let filter = Filter { stream: Some("OPERATIONS".to_owned()), ..Filter::default() };
        let found = self.console.find(&filter, 100).await.unwrap();
        let fact = |subject: &str| subject.rsplitn(2, '.').last().unwrap_or_default().to_owned();
        found.events.into_iter().map(|event| (fact(&event.subject), event.data)).collect()
    }

    async fn messages(&self, stream: &str) -> u64 {
        self.nats.jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
    }
}

#[test]
fn an_operator_is_shown_every_message_whatever_is_in_it() {
    Corpus::of(env!("CARGO_MANIFEST_DIR"), "events").check(file!(), |input| {
        let (subject, headers, data) = message(input);
        let at = Clock::system().now();
        let event = StoredEvent::new("DLQ", 1, at, &subject, Some(&headers), &data);
        if let Some(encoded) = event.data.get("base64").and_then(Value::as_str)
            && let Ok(decoded) = STANDARD.decode(encoded)
        {
            assert!(decoded == data || serde_json::from_slice::<Value>(&data).is_ok());
        } else {
            assert_eq!(serde_json::from_slice::<Value>(&data).unwrap(), event.data);
        }
        let _ = (event.cause(), super::events::made(event.id.as_deref().unwrap_or_default()));
        let letter = super::dead_letters::BuriedEvent::of(event);
        serde_json::to_string(&letter).unwrap();
    });
}
