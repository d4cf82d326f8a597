//! A server that stands for a provider, as its public documentation describes it: who is let in, idempotency keys, and
//! what goes wrong on the way. What it sells is the business of a [`Vendor`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use payment_svc::providers::HttpSettings;
use serde_json::Value;

/// How long we wait for it.
pub const TIMEOUT: Duration = Duration::from_millis(400);

/// An answer: its status and its body.
pub type Answer = (u16, Value);

/// What a provider does with a request that it has let in.
pub trait Vendor: Send + 'static {
    /// Why somebody is not let in, if so.
    fn refuse(&self, asked: &Asked, headers: &HeaderMap) -> Option<Answer>;

    /// Does what is asked.
    fn answer(&mut self, asked: &Asked) -> Answer;

    /// Where a key is known: keys of different scopes are different ones.
    fn scope(asked: &Asked) -> String;

    /// What is said to a key that comes with another request.
    fn other_request() -> Answer;

    /// What is said while the request with the same key is worked on.
    fn busy() -> Answer;

    /// What is said when nothing works.
    fn broken() -> Answer;
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub query: HashMap<String, String>,
    pub key: Option<String>,
    /// Null when there is none.
    pub json: Value,
    pub form: HashMap<String, String>,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is not begun with.
    Down,
    /// It is not begun with, because there were too many.
    TooMany,
    /// It is taken for one that is still worked on.
    Busy,
    /// It fails, and the answer is kept for its key.
    Breaks,
    /// This is answered and kept for its key.
    Says(u16, Value),
    /// It is done, and the answer comes too late.
    AnswersLate,
    /// It is done, and the answer is a page of somebody in between.
    Nonsense,
}

struct Inner<V> {
    vendor: Mutex<V>,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    kept: Mutex<HashMap<String, (String, Answer)>>,
    under_way: Mutex<HashSet<String>>,
    asked: Mutex<Vec<Asked>>,
}

/// A running one.
pub struct Fake<V> {
    url: String,
    inner: Arc<Inner<V>>,
}

impl<V: Vendor> Fake<V> {
    pub async fn start(vendor: V) -> Self {
        let inner = Arc::new(Inner {
            vendor: Mutex::new(vendor),
            faults: Mutex::default(),
            kept: Mutex::default(),
            under_way: Mutex::default(),
            asked: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take::<V>).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    pub fn http(&self) -> HttpSettings {
        HttpSettings { url: self.url.clone(), limit: TIMEOUT }
    }

    pub fn vendor(&self) -> MutexGuard<'_, V> {
        self.inner.vendor.lock().unwrap()
    }

    /// Lets something happen to the next request whose method and path begin like this; later ones wait their turn.
    pub fn next(&self, request: &'static str, fault: Fault) {
        self.inner.faults.lock().unwrap().push_back((request, fault));
    }

    /// Forgets every key, as time does.
    pub fn forget_keys(&self) {
        self.inner.kept.lock().unwrap().clear();
    }

    /// How many requests began like this.
    pub fn count(&self, request: &str) -> usize {
        self.asked(request).len()
    }

    /// The requests that began like this.
    pub fn asked(&self, request: &str) -> Vec<Asked> {
        let asked = self.inner.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.name().starts_with(request)).cloned().collect()
    }
}

impl Asked {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

async fn take<V: Vendor>(
    State(inner): State<Arc<Inner<V>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect();
    let asked = Asked {
        method,
        path: uri.path().to_owned(),
        query: pairs(uri.query().unwrap_or_default().as_bytes()),
        key: headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()),
        json: serde_json::from_slice(&body).unwrap_or_default(),
        form: pairs(&body),
    };
    inner.asked.lock().unwrap().push(asked.clone());
    if let Some(refusal) = inner.vendor.lock().unwrap().refuse(&asked, &headers) {
        return respond(refusal);
    }
    let fault = {
        let mut faults = inner.faults.lock().unwrap();
        let at = faults.iter().position(|(request, _)| asked.name().starts_with(request));
        at.and_then(|at| faults.remove(at)).map(|(_, fault)| fault)
    };
    match fault {
        Some(Fault::Down) => return respond((503, Value::Null)),
        Some(Fault::TooMany) => return respond((429, Value::Null)),
        Some(Fault::Busy) => return respond(V::busy()),
        _ => {}
    }
    let key = asked.key.as_ref().filter(|_| asked.method == Method::POST);
    let key = key.map(|key| format!("{} {key}", V::scope(&asked)));
    let request = format!("{} {}", asked.name(), String::from_utf8_lossy(&body));
    let Some(key) = key else { return done(&inner, &asked, fault, |_| {}).await };
    if let Some((first, answer)) = inner.kept.lock().unwrap().get(&key) {
        return respond(if *first == request { answer.clone() } else { V::other_request() });
    }
    if !inner.under_way.lock().unwrap().insert(key.clone()) {
        return respond(V::busy());
    }
    // Long enough for another one to come in between.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let keep = |answer: &Answer| {
        inner.kept.lock().unwrap().insert(key.clone(), (request.clone(), answer.clone()));
        inner.under_way.lock().unwrap().remove(&key);
    };
    done(&inner, &asked, fault, keep).await
}

async fn done<V: Vendor>(
    inner: &Inner<V>,
    asked: &Asked,
    fault: Option<Fault>,
    keep: impl FnOnce(&Answer),
) -> Response {
    let answer = match &fault {
        Some(Fault::Breaks) => V::broken(),
        Some(Fault::Says(status, body)) => (*status, body.clone()),
        _ => inner.vendor.lock().unwrap().answer(asked),
    };
    keep(&answer);
    match fault {
        Some(Fault::AnswersLate) => {
            tokio::time::sleep(TIMEOUT * 10).await;
            respond(answer)
        }
        Some(Fault::Nonsense) => {
            (StatusCode::OK, "<html>welcome to the hotel's network</html>").into_response()
        }
        _ => respond(answer),
    }
}

fn respond((status, body): Answer) -> Response {
    (http::StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}
