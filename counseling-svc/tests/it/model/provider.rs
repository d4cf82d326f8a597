//! A provider of models on this machine, that behaves as the public documentation of chat completions says, well or
//! badly: <https://platform.openai.com/docs/api-reference/chat>.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the provider does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Says these parts, tells the usage, and ends as it should.
    Say(Vec<String>),
    /// Says these parts and ends for this reason.
    End(Vec<String>, &'static str),
    /// Refuses with a status, headers, and an error that quotes what it was sent.
    Fail(u16, Vec<(&'static str, String)>, Value),
    /// Says these parts, and the connection breaks.
    Break(Vec<String>),
    /// Says these parts, and the stream is over without an end.
    Stop(Vec<String>),
    /// Says these parts and then nothing more, for ever.
    Stall(Vec<String>),
    /// Does not answer at all.
    Hang,
    /// Answers with these lines as a stream.
    Raw(&'static str),
    /// Answers with a whole body of this kind.
    Body(&'static str, &'static str),
}

impl Act {
    pub fn say(parts: &[&str]) -> Self {
        Self::Say(owned(parts))
    }

    pub fn fail(status: u16, code: &str) -> Self {
        Self::Fail(status, Vec::new(), json!({ "type": "server_error", "code": code }))
    }

    pub fn too_many(header: &'static str, value: impl Into<String>) -> Self {
        Self::Fail(429, vec![(header, value.into())], json!({ "code": "rate_limit_exceeded" }))
    }
}

pub fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// What the provider was sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Value,
}

impl Received {
    /// The system prompt.
    pub fn system(&self) -> String {
        self.body["messages"][0]["content"].as_str().unwrap().to_owned()
    }
}

#[derive(Clone, Default)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A provider at work. The last act of its script is repeated.
pub struct Provider {
    pub base_url: Uri,
    script: Script,
}

impl Provider {
    pub async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let script = Script::default();
        script.acts.lock().unwrap().extend(acts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base_url: format!("http://{address}/v1/").parse().unwrap(), script }
    }

    /// Does this from now on.
    pub fn act(&self, acts: impl IntoIterator<Item = Act>) {
        *self.script.acts.lock().unwrap() = acts.into_iter().collect();
    }

    pub fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, headers: HeaderMap, body: Bytes) -> Response {
    let sent = String::from_utf8_lossy(&body).into_owned();
    let body = serde_json::from_slice(&body).unwrap();
    script.received.lock().unwrap().push(Received { headers: headers.clone(), body });
    let act = {
        let mut acts = script.acts.lock().unwrap();
        if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
    };
    match act.expect("the script has an act") {
        Act::Say(parts) => events(said(&parts).chain([finished("stop"), usage(), "[DONE]".to_owned()])),
        Act::End(parts, reason) => events(said(&parts).chain([finished(reason), "[DONE]".to_owned()])),
        Act::Stop(parts) => events(said(&parts)),
        Act::Break(parts) => {
            let parts = stream::iter(said(&parts).map(event).collect::<Vec<_>>()).map(Ok);
            let broken = stream::once(async {
                // What was said gets through before the connection breaks.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Err(std::io::Error::other("broken"))
            });
            stream_of(Body::from_stream(parts.chain(broken)))
        }
        Act::Stall(parts) => {
            let parts = stream::iter(said(&parts).map(event).collect::<Vec<_>>()).map(Ok::<_, Infallible>);
            stream_of(Body::from_stream(parts.chain(stream::pending())))
        }
        Act::Hang => std::future::pending().await,
        Act::Raw(text) => stream_of(Body::from(text)),
        Act::Body(kind, text) => ([("content-type", kind)], text).into_response(),
        Act::Fail(status, told, mut error) => {
            let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            error["message"] = json!(format!("You sent {sent} with {key}"));
            let mut response = axum::Json(json!({ "error": error })).into_response();
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in told {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}

fn said(parts: &[String]) -> impl Iterator<Item = String> {
    let first = json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }] });
    let part = |part: &String| json!({ "choices": [{ "index": 0, "delta": { "content": part }, "finish_reason": null }], "usage": null });
    let chunks: Vec<Value> = std::iter::once(first).chain(parts.iter().map(part)).collect();
    chunks.into_iter().map(|chunk| chunk.to_string())
}

fn finished(reason: &str) -> String {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }], "usage": null }).to_string()
}

fn usage() -> String {
    json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25 } })
        .to_string()
}

fn event(data: String) -> String {
    format!("data: {data}\n\n")
}

fn events(data: impl Iterator<Item = String>) -> Response {
    let all: Vec<String> = data.map(event).collect();
    stream_of(Body::from_stream(stream::iter(all).map(Ok::<_, Infallible>)))
}

fn stream_of(body: Body) -> Response {
    ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
}
