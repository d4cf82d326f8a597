//! A provider of models on this machine, that behaves as the public documentation of chat completions says, well or
//! badly: <https://platform.openai.com/docs/api-reference/chat>.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// What a [`ModelProvider`] does with a request.
#[derive(Clone, Debug)]
pub enum ModelAct {
    /// Says these parts, tells the usage, and ends as it should.
    Say(Vec<String>),
    /// As `Say`, with a pause before each part.
    SaySlowly(Duration, Vec<String>),
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

impl ModelAct {
    /// Says these parts as it should.
    pub fn say(parts: &[&str]) -> Self {
        Self::Say(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    /// Refuses with a status and the name of an error.
    pub fn fail(status: u16, code: &str) -> Self {
        Self::Fail(status, Vec::new(), json!({ "type": "server_error", "code": code }))
    }

    /// Refuses with 429 and a header that says for how long.
    pub fn too_many(header: &'static str, value: impl Into<String>) -> Self {
        Self::Fail(429, vec![(header, value.into())], json!({ "code": "rate_limit_exceeded" }))
    }
}

/// What the provider was sent.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// With the key.
    pub headers: HeaderMap,
    /// JSON.
    pub body: Value,
}

impl ModelRequest {
    /// The system prompt.
    ///
    /// # Panics
    /// When there is none.
    pub fn system(&self) -> String {
        self.body["messages"][0]["content"].as_str().expect("the first message is a text").to_owned()
    }
}

/// Decides what to do with a request.
type Director = Box<dyn FnMut(ModelRequest) -> ModelAct + Send>;

/// A provider at work.
pub struct ModelProvider {
    /// Where it is, as `MODEL_BASE_URL` names it.
    pub base_url: Uri,
    director: Arc<Mutex<Director>>,
    received: Arc<Mutex<Vec<ModelRequest>>>,
    _serving: AbortOnDropHandle<()>,
}

impl ModelProvider {
    /// One that follows a script, and keeps what it is sent. The last act of the script is repeated.
    ///
    /// # Panics
    /// When nothing can be listened on; and the requests fail when the script is empty.
    pub async fn start(acts: impl IntoIterator<Item = ModelAct>) -> Self {
        let provider = Self::directed(|_| ModelAct::Hang).await;
        provider.act(acts);
        provider
    }

    /// One that asks `director` what to do with each request.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn directed(director: impl FnMut(ModelRequest) -> ModelAct + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let director: Arc<Mutex<Director>> = Arc::new(Mutex::new(Box::new(director)));
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(director.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            base_url: format!("http://{address}/v1/").parse().expect("an address makes a URL"),
            director,
            received: Arc::default(),
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Follows another script from now on.
    pub fn act(&self, acts: impl IntoIterator<Item = ModelAct>) {
        let mut acts: VecDeque<_> = acts.into_iter().collect();
        let received = self.received.clone();
        let follow = move |request| {
            received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            let act = if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() };
            act.expect("the script has an act")
        };
        *self.director.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(follow);
    }

    /// What it was sent while it followed a script.
    pub fn received(&self) -> Vec<ModelRequest> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(director): State<Arc<Mutex<Director>>>, headers: HeaderMap, body: Bytes) -> Response {
    let sent = String::from_utf8_lossy(&body).into_owned();
    let body = serde_json::from_slice(&body).expect("clients send JSON");
    let act = {
        let mut director = director.lock().unwrap_or_else(PoisonError::into_inner);
        director(ModelRequest { headers: headers.clone(), body })
    };
    match act {
        ModelAct::Say(parts) => events(whole(&parts)),
        ModelAct::SaySlowly(pause, parts) => {
            let parts =
                stream::iter(whole(&parts).map(event).collect::<Vec<_>>()).then(move |part| async move {
                    sleep(pause).await;
                    Ok::<_, Infallible>(part)
                });
            stream_of(Body::from_stream(parts))
        }
        ModelAct::End(parts, reason) => events(said(&parts).chain([finished(reason), "[DONE]".to_owned()])),
        ModelAct::Stop(parts) => events(said(&parts)),
        ModelAct::Break(parts) => {
            let parts = stream::iter(said(&parts).map(event).collect::<Vec<_>>()).map(Ok);
            let broken = stream::once(async {
                // What was said gets through before the connection breaks.
                sleep(Duration::from_millis(20)).await;
                Err(io::Error::other("broken"))
            });
            stream_of(Body::from_stream(parts.chain(broken)))
        }
        ModelAct::Stall(parts) => {
            let parts = stream::iter(said(&parts).map(event).collect::<Vec<_>>()).map(Ok::<_, Infallible>);
            stream_of(Body::from_stream(parts.chain(stream::pending())))
        }
        ModelAct::Hang => pending().await,
        ModelAct::Raw(text) => stream_of(Body::from(text)),
        ModelAct::Body(kind, text) => ([("content-type", kind)], text).into_response(),
        ModelAct::Fail(status, told, mut error) => {
            let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            error["message"] = json!(format!("You sent {sent} with {key}"));
            let mut response = axum::Json(json!({ "error": error })).into_response();
            *response.status_mut() = StatusCode::from_u16(status).expect("the script names a status");
            for (name, value) in told {
                response.headers_mut().insert(name, value.parse().expect("the script names a header"));
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

fn whole(parts: &[String]) -> impl Iterator<Item = String> {
    said(parts).chain([finished("stop"), usage(), "[DONE]".to_owned()])
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
