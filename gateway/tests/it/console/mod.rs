//! /ops

mod access;
mod acting;
mod browser;
mod looking;

use async_nats::HeaderMap;
use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use shared::testkit::eventually;

use crate::world::World;

/// A page, or why there is none.
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    /// This page, if it has this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// This page, if it says all of this.
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.text.contains(part), "it does not say {part}: {}", self.text);
        }
        self
    }

    /// Where it leads.
    pub fn leads(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers["location"].to_str().unwrap().to_owned()
    }
}

/// A browser as far as HTTP shows it, with a session's cookie.
pub struct Operator {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Operator {
    pub fn new(world: &World, token: Option<String>) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, base: format!("http://{}", world.address()), token }
    }

    /// An admin, and the admin's id.
    pub async fn admin(world: &World) -> (Self, String) {
        let token = world.admin().await;
        let id = world.id_of(&token).await;
        (Self::new(world, Some(token)), id)
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    pub async fn get_in(&self, path: &str, languages: &str) -> Page {
        self.send(self.client.get(format!("{}{path}", self.base)).header("accept-language", languages)).await
    }

    /// Sends a form from a page of this origin.
    pub async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.base)).header("origin", origin).body(body);
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    /// Sends a form from a page of the console.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_from(&self.base, path, fields).await
    }

    async fn send(&self, request: RequestBuilder) -> Page {
        let request = match &self.token {
            Some(token) => request.header("cookie", format!("accessToken={token}")),
            None => request,
        };
        let answer = request.header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, text: answer.text().await.unwrap() }
    }
}

/// Publishes something that the consumer of payments cannot read, and waits until it is buried: the number of the letter.
pub async fn poison(world: &World) -> u64 {
    publish(world, "payments.order.paid.poison", HeaderMap::new(), "not an event".into()).await;
    newest_letter(world, "user-svc-credits").await
}

/// Buries an event that was applied long ago, as if its consumer had failed: the number of the letter. When it is
/// replayed, nothing happens, and it does not come back.
pub async fn bury(world: &World) -> u64 {
    let nats = world.nats.connect().await;
    let stream = nats.jetstream.get_stream("USERS").await.unwrap();
    let created = async || stream.get_first_raw_message_by_subject("users.user.created.>", 1).await;
    eventually("somebody is created", async || created().await.is_ok()).await;
    let message = created().await.unwrap();
    let mut headers = message.headers;
    for (name, value) in [
        ("reason", "the database was away"),
        ("consumer", "payment-svc-customers"),
        ("subject", &message.subject),
        ("stream", "USERS"),
        ("sequence", &message.sequence.to_string()),
        ("deliveries", "5"),
    ] {
        headers.insert(format!("mesh-dlq-{name}"), value);
    }
    headers.insert("Nats-Msg-Id", shared::id::new_id());
    let subject = format!("dlq.payment-svc-customers.{}", message.subject);
    publish(world, &subject, headers, message.payload).await;
    newest_letter(world, "payment-svc-customers").await
}

async fn publish(world: &World, subject: &str, headers: HeaderMap, data: Bytes) {
    let nats = world.nats.connect().await;
    nats.jetstream.publish_with_headers(subject.to_owned(), headers, data).await.unwrap().await.unwrap();
}

async fn newest_letter(world: &World, consumer: &str) -> u64 {
    let nats = world.nats.connect().await;
    let stream = nats.jetstream.get_stream("DLQ").await.unwrap();
    let subject = format!("dlq.{consumer}.>");
    let newest = async || stream.get_last_raw_message_by_subject(&subject).await;
    eventually("the event is buried", async || newest().await.is_ok()).await;
    newest().await.unwrap().sequence
}

/// The number between a page's text before and after it.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split_once(after).unwrap().0
}
