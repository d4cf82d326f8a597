//! Requests to the gateways, each with its answer in the history.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use shared::https::{self, HttpsClient};
use tokio::time::sleep;

use crate::BoxError;

/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(8);
/// How long a request is repeated whose answer was lost.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long one is repeated to somebody who is busy with something else.
const BUSY: Duration = Duration::from_secs(3);
/// How long is waited before that, unless the answer says for how long.
const PAUSE: Duration = Duration::from_millis(150);

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// See HTTP.
    pub method: Method,
    /// With its query.
    pub path: String,
    /// What shows who asks.
    pub token: Option<String>,
    /// `Idempotency-Key`: the same in every repeat.
    pub key: Option<String>,
    /// JSON.
    pub body: Option<Value>,
}

/// What was heard of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was done: 2xx.
    Done(Value),
    /// It was refused for good: 4xx, and its code.
    Refused(u16, String),
    /// Nothing is known: no answer, 5xx, or too much at once.
    Unknown,
}

/// What came in place of an answer that says something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard {
    /// None when the connection was lost, or nothing came in time.
    pub status: Option<u16>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Unheard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(out, "{status}"),
            None => write!(out, "no answer"),
        }
    }
}

/// The gateways, taken in turn.
pub struct Rest {
    client: HttpsClient<Full<Bytes>>,
    gateways: Vec<String>,
    turn: AtomicUsize,
    made: AtomicU64,
    unknown: AtomicU64,
    began: Instant,
    history: Mutex<BufWriter<File>>,
}

impl Rest {
    /// Of these gateways; the history is written to `history`, a JSON object for each request.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(gateways: Vec<String>, history: &Path) -> Result<Self, BoxError> {
        Ok(Self {
            client: https::client(false)?,
            gateways,
            turn: AtomicUsize::default(),
            made: AtomicU64::default(),
            unknown: AtomicU64::default(),
            began: Instant::now(),
            history: Mutex::new(BufWriter::new(File::create(history)?)),
        })
    }

    /// How many requests were made, and of how many nothing was heard.
    pub fn made(&self) -> (u64, u64) {
        (self.made.load(Ordering::Relaxed), self.unknown.load(Ordering::Relaxed))
    }

    /// Makes a request once.
    pub async fn call(&self, call: &Call) -> Answer {
        self.attempt(call).await.0
    }

    /// Makes a request until something is heard of it, or for as long as patience lasts.
    pub async fn insist(&self, call: &Call) -> Answer {
        self.repeat(call, |_| PAUSE, PATIENCE).await.0
    }

    /// As [`Rest::insist`], but not for long where there is too much at once (429): a counselor whose process died in the
    /// middle of an answer is busy for a minute.
    pub async fn insist_unless_busy(&self, call: &Call) -> Answer {
        self.repeat(call, |_| PAUSE, BUSY).await.0
    }

    /// As [`Rest::insist`], and waits as long as a `Retry-After` says: with the answers to all attempts that were not the
    /// last one.
    pub async fn insist_politely(&self, call: &Call) -> (Answer, Vec<Unheard>) {
        self.repeat(call, |unheard| unheard.retry_after.unwrap_or(PAUSE), PATIENCE).await
    }

    /// Whether the process that serves its metrics there says that it should get requests.
    pub async fn is_ready(&self, metrics_address: &str) -> bool {
        let Ok(uri) = format!("http://{metrics_address}/readyz").parse() else { return false };
        let asked = tokio::time::timeout(LIMIT, self.client.get(uri)).await;
        asked.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
    }

    async fn repeat(
        &self,
        call: &Call,
        pause: impl Fn(Unheard) -> Duration,
        busy: Duration,
    ) -> (Answer, Vec<Unheard>) {
        let began = Instant::now();
        let mut unheard = Vec::new();
        loop {
            let (answer, told) = self.attempt(call).await;
            let patience = if told.status == Some(429) { busy } else { PATIENCE };
            if answer != Answer::Unknown || began.elapsed() > patience {
                return (answer, unheard);
            }
            unheard.push(told);
            sleep(pause(told)).await;
        }
    }

    async fn attempt(&self, call: &Call) -> (Answer, Unheard) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let gateway = &self.gateways[turn % self.gateways.len()];
        self.made.fetch_add(1, Ordering::Relaxed);
        let began = self.began.elapsed();
        let heard = match tokio::time::timeout(LIMIT, self.send(gateway, call)).await {
            Ok(Ok(heard)) => Some(heard),
            Ok(Err(_)) | Err(_) => None,
        };
        let told = heard.as_ref().map_or(Unheard::default(), |(told, _)| *told);
        let body = heard.map(|(_, body)| body).unwrap_or_default();
        let answer = match told.status {
            Some(200..=299) => Answer::Done(body["data"].clone()),
            Some(status @ (400..=428 | 430..=499)) => {
                Answer::Refused(status, body["code"].as_str().unwrap_or_default().to_owned())
            }
            _ => Answer::Unknown,
        };
        if answer == Answer::Unknown {
            self.unknown.fetch_add(1, Ordering::Relaxed);
        }
        self.note(call, gateway, began, told.status);
        (answer, told)
    }

    async fn send(&self, gateway: &str, call: &Call) -> Result<(Unheard, Value), BoxError> {
        let uri = format!("http://{gateway}{}", call.path);
        let mut request = Request::builder().method(&call.method).uri(uri);
        if let Some(token) = &call.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if call.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = call.body.as_ref().map_or_else(Bytes::new, |body| body.to_string().into());
        let response = self.client.request(request.body(Full::new(body))?).await?;
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let status = Some(response.status().as_u16());
        let told = Unheard { status, retry_after: seconds.map(Duration::from_secs) };
        let body = response.into_body().collect().await?.to_bytes();
        Ok((told, serde_json::from_slice(&body)?))
    }

    fn note(&self, call: &Call, gateway: &str, began: Duration, status: Option<u16>) {
        let line = json!({
            "began": began.as_secs_f64(),
            "ended": self.began.elapsed().as_secs_f64(),
            "gateway": gateway,
            "method": call.method.as_str(),
            "path": call.path,
            "key": call.key,
            "status": status,
        });
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        // A history with a line less is still one.
        let _ = writeln!(history, "{line}").and_then(|()| history.flush());
    }
}
