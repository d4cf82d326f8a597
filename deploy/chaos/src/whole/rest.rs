//! Requests to the gateways, each with its answer in the history.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
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
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let gateway = &self.gateways[turn % self.gateways.len()];
        self.made.fetch_add(1, Ordering::Relaxed);
        let began = self.began.elapsed();
        let heard = match tokio::time::timeout(LIMIT, self.send(gateway, call)).await {
            Ok(Ok(heard)) => Some(heard),
            Ok(Err(_)) | Err(_) => None,
        };
        let answer = match &heard {
            Some((200..=299, body)) => Answer::Done(body["data"].clone()),
            Some((status @ (400..=428 | 430..=499), body)) => {
                Answer::Refused(*status, body["code"].as_str().unwrap_or_default().to_owned())
            }
            _ => Answer::Unknown,
        };
        if answer == Answer::Unknown {
            self.unknown.fetch_add(1, Ordering::Relaxed);
        }
        self.note(call, gateway, began, heard.map(|(status, _)| status));
        answer
    }

    /// Makes a request until something is heard of it, or for as long as patience lasts.
    pub async fn insist(&self, call: &Call) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.call(call).await;
            if answer != Answer::Unknown || began.elapsed() > PATIENCE {
                return answer;
            }
            sleep(Duration::from_millis(150)).await;
        }
    }

    async fn send(&self, gateway: &str, call: &Call) -> Result<(u16, Value), BoxError> {
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
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body)?))
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
