//! A channel to one service: calls are spread over its live instances.
//!
//! A call goes through, top to bottom:
//! 1. the limit: over it a call is refused at once instead of queued;
//! 2. the deadline: passed on in `grpc-timeout`, and enforced here;
//! 3. retries: of calls that may be repeated, within a budget;
//! 4. the balance: power of two choices over calls in flight, without ejected instances.

mod body;
mod budget;
mod deadline;
mod endpoint;
mod methods;
mod pool;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use body::Guarded;
use budget::Budget;
use bytes::Bytes;
use endpoint::{Endpoint, Failure};
use http_body_util::{BodyExt, Full};
use methods::Methods;
use pool::Pool;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::body::Body;

use super::Directory;
use crate::proto::DESCRIPTORS;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How calls to one service are made.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// How long a call may take, unless it brings a `grpc-timeout` of its own.
    pub deadline: Duration,
    /// Calls in flight before the next one is refused with UNAVAILABLE.
    pub concurrency: usize,
    /// How often a call is tried in all.
    pub max_attempts: u32,
    /// The pause before the first retry; it doubles with each further one, and half of it is chance.
    pub first_pause: Duration,
    /// Retries allowed for each call made, on average.
    pub retry_ratio: f64,
    /// Retries allowed in a burst.
    pub retry_burst: u32,
    /// Failures in a row after which an instance gets no more calls for a while.
    pub eject_after: u32,
    /// How long that is the first time; it doubles each time, up to `longest_ejection`.
    pub first_ejection: Duration,
    /// How long it is at most.
    pub longest_ejection: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            concurrency: 1024,
            max_attempts: 3,
            first_pause: Duration::from_millis(25),
            retry_ratio: 0.1,
            retry_burst: 20,
            eject_after: 5,
            first_ejection: Duration::from_secs(1),
            longest_ejection: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(1),
        }
    }
}

/// What an operator sees of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceHealth {
    /// `host:port`.
    pub address: String,
    /// Calls that it has not answered yet.
    pub in_flight: usize,
    /// Whether it gets no calls because it failed in a row.
    pub ejected: bool,
}

/// A channel to every instance of one service. Clones share its connections and limits. Generated clients take it in
/// place of tonic's `Channel`. Requests are unary: their bodies are kept until the call has succeeded.
#[derive(Clone)]
pub struct MeshChannel {
    shared: Arc<Shared>,
}

struct Shared {
    service: String,
    settings: ChannelSettings,
    pool: Pool,
    limit: Arc<Semaphore>,
    budget: Budget,
    methods: Methods,
}

impl MeshChannel {
    /// A channel to `service` as `directory` knows it.
    pub fn new(service: &str, directory: Directory, settings: ChannelSettings) -> Self {
        let shared = Shared {
            service: service.to_owned(),
            pool: Pool::follow(service, directory, &settings),
            limit: Arc::new(Semaphore::new(settings.concurrency)),
            budget: Budget::new(settings.retry_ratio, settings.retry_burst),
            methods: Methods::read(DESCRIPTORS),
            settings,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The instances that it knows.
    pub fn instances(&self) -> Vec<InstanceHealth> {
        self.shared.pool.endpoints().iter().map(|endpoint| endpoint.health()).collect()
    }
}

impl tower::Service<http::Request<Body>> for MeshChannel {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The limit is checked in the call: it refuses, it does not make callers wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move { Ok(shared.call(request).await.unwrap_or_else(Status::into_http)) })
    }
}

impl Shared {
    async fn call(&self, mut request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let permit =
            self.limit.clone().try_acquire_owned().map_err(|_| {
                Status::unavailable(format!("too many calls to {} are in flight", self.service))
            })?;
        let deadline = deadline::of(&mut request, self.settings.deadline);
        let response = tokio::time::timeout(deadline, self.try_until_done(request))
            .await
            .map_err(|_| Status::deadline_exceeded(format!("{} did not answer in time", self.service)))??;
        Ok(response.map(|body| Guarded::wrap(body, permit)))
    }

    async fn try_until_done(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let may_repeat = self.methods.may_repeat(parts.uri.path());
        self.budget.deposit();
        let mut failed: Option<Arc<Endpoint>> = None;
        let mut attempt = 1;
        loop {
            let endpoint = self
                .pool
                .pick(failed.as_ref())
                .ok_or_else(|| Status::unavailable(format!("no instance of {} is there", self.service)));
            let (failure, retry) = match endpoint {
                Ok(endpoint) => match endpoint.send(rebuild(&parts, &body)).await {
                    Ok(response) => return Ok(response),
                    Err(failure) => {
                        let retry = may_repeat || failure.never_sent();
                        failed = Some(endpoint);
                        (failure, retry)
                    }
                },
                // Nothing was sent; an instance may be there in a moment.
                Err(status) => (Failure::Unsent(status), true),
            };
            if !retry || attempt >= self.settings.max_attempts || !self.budget.withdraw() {
                return failure.into_response();
            }
            tracing::debug!(service = self.service, attempt, "a call is tried again");
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let pause = self.settings.first_pause.saturating_mul(2_u32.saturating_pow(attempt - 1));
        pause.mul_f64(rand::random_range(0.5..1.0))
    }
}

fn rebuild(parts: &http::request::Parts, body: &Bytes) -> http::Request<Body> {
    let mut request = http::Request::new(Body::new(Full::new(body.clone())));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.version_mut() = parts.version;
    *request.headers_mut() = parts.headers.clone();
    *request.extensions_mut() = parts.extensions.clone();
    request
}
