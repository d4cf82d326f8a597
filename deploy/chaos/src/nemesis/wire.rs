//! The wire to the provider: for some time fine, then for some time in trouble.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::https::{self, HttpsClient};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::Faults;
use crate::BoxError;
use crate::mesh::PROVIDER_LIMIT;

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// It arrives when nobody waits for the answer any more.
    ArrivesLate,
    /// The answer comes when nobody waits for it any more.
    AnswersLate,
    /// The provider says that it failed, and did nothing.
    Fails,
    /// The provider says that it failed after it had done what it was asked.
    FailsAfterwards,
    /// The connection ends before the provider has heard.
    Cut,
    /// The connection ends before the answer.
    CutAfterwards,
}

const TROUBLES: [(Trouble, &str); 6] = [
    (Trouble::ArrivesLate, "a request to the provider arrived late"),
    (Trouble::AnswersLate, "the provider answered late"),
    (Trouble::Fails, "the provider failed"),
    (Trouble::FailsAfterwards, "the provider failed after it was done"),
    (Trouble::Cut, "a connection to the provider was cut"),
    (Trouble::CutAfterwards, "a connection to the provider was cut after it was done"),
];

/// Between payment-svc and the provider.
pub struct Wire {
    /// Where payment-svc finds the provider.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    provider: Mutex<String>,
    client: HttpsClient<Full<Bytes>>,
    trouble: Mutex<(Trouble, &'static str)>,
    chance: Mutex<StdRng>,
    faults: Faults,
}

impl Wire {
    /// A wire that leads nowhere yet.
    ///
    /// # Errors
    /// When nothing can be listened on.
    pub async fn start(seed: u64, faults: Faults) -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let inner = Arc::new(Inner {
            provider: Mutex::default(),
            client: https::client(false)?,
            trouble: Mutex::new((Trouble::None, "")),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            faults,
        });
        let wire = Self { url, inner: inner.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = inner.clone();
                let service = service_fn(move |request| pass_on(inner.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(wire)
    }

    /// Leads to the provider at `url` from now on.
    pub fn lead_to(&self, url: String) {
        *self.inner.provider.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Fine and in trouble in turn, until faults are over.
    pub async fn disturb(&self, mut chance: StdRng) {
        let set = |trouble| *self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        while !self.inner.faults.are_over() {
            set((Trouble::None, ""));
            sleep(Duration::from_millis(chance.random_range(200..2000))).await;
            set(TROUBLES[chance.random_range(0..TROUBLES.len())]);
            sleep(Duration::from_millis(chance.random_range(100..1200))).await;
        }
        set((Trouble::None, ""));
    }
}

/// The connection is to end without an answer.
#[derive(Debug)]
struct IsCut;

impl std::fmt::Display for IsCut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the connection is cut")
    }
}

impl std::error::Error for IsCut {}

async fn pass_on(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, IsCut> {
    let trouble = {
        let is_hit = inner.chance.lock().unwrap_or_else(PoisonError::into_inner).random_bool(0.5);
        let (trouble, what) = *inner.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble != Trouble::None && is_hit {
            inner.faults.count(what);
            trouble
        } else {
            Trouble::None
        }
    };
    match trouble {
        Trouble::Fails => return Ok(failed()),
        Trouble::Cut => return Err(IsCut),
        _ => {}
    }
    // On its own: what is under way arrives, whether or not somebody still waits for the answer.
    let asked = tokio::spawn(async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| IsCut)?.to_bytes();
        if trouble == Trouble::ArrivesLate {
            sleep(PROVIDER_LIMIT * 2).await;
        }
        ask(&inner, head, body).await
    });
    let answer = asked.await.map_err(|_| IsCut)??;
    match trouble {
        Trouble::FailsAfterwards => Ok(failed()),
        Trouble::CutAfterwards => Err(IsCut),
        Trouble::AnswersLate => {
            sleep(PROVIDER_LIMIT * 2).await;
            Ok(answer)
        }
        _ => Ok(answer),
    }
}

async fn ask(
    inner: &Inner,
    mut head: http::request::Parts,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, IsCut> {
    let provider = inner.provider.lock().unwrap_or_else(PoisonError::into_inner).clone();
    head.uri = format!("{provider}{}", head.uri).parse::<Uri>().map_err(|_| IsCut)?;
    let request = Request::from_parts(head, Full::new(body));
    let (head, body) = inner.client.request(request).await.map_err(|_| IsCut)?.into_parts();
    let body = body.collect().await.map_err(|_| IsCut)?.to_bytes();
    Ok(Response::from_parts(head, Full::new(body)))
}

fn failed() -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
