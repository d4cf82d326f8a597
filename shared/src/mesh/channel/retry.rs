//! Sends a call again when that is safe and worth it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use tonic::Code;
use tonic::body::Body;
use tower::retry::budget::{Budget, TpsBudget};
use tower::{Layer, Service};

use super::deadline::CallDeadline;
use super::error::CallError;
use super::measure::Retries;
use super::members::Tried;
use super::methods::Methods;
use super::{Answer, ChannelSettings, Request, Response};
use crate::error::{DO_NOT_RETRY, RETRY_PUSHBACK};
use crate::grpc::grpc_code;

/// Over what time the budget is counted.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// Repeats unary calls: those that were never sent, and idempotent ones that met an instance which is not available.
///
/// What the retries of all calls together may cost is bounded by a budget, so that they cannot finish off a service
/// that is struggling. Calls that stream are passed through.
pub(super) struct RetryLayer {
    methods: Methods,
    policy: Policy,
}

/// Among the extensions of a response to a call that was sent more than once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated;

#[derive(Clone)]
struct Policy {
    service: Arc<str>,
    max_attempts: u32,
    backoff: Duration,
    longest_backoff: Duration,
    budget: Arc<TpsBudget>,
    retries: Retries,
}

impl RetryLayer {
    pub(super) fn new(service: Arc<str>, methods: Methods, settings: &ChannelSettings) -> Self {
        let per_second = settings.min_retries_per_second.min(1_000_000);
        let ratio = f32::from(settings.retry_percent) / 100.0;
        let policy = Policy {
            retries: Retries::of(&service),
            service,
            max_attempts: settings.max_attempts,
            backoff: settings.backoff,
            longest_backoff: settings.longest_backoff,
            budget: Arc::new(TpsBudget::new(BUDGET_WINDOW, per_second, ratio)),
        };
        Self { methods, policy }
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry { inner, methods: self.methods.clone(), policy: self.policy.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Retry<S> {
    inner: S,
    methods: Methods,
    policy: Policy,
}

impl<S> Service<Request> for Retry<S>
where
    S: Service<Request, Response = Response, Error = CallError, Future = Answer> + Clone + Send + 'static,
{
    type Response = Response;
    type Error = CallError;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        match self.methods.is_idempotent(request.uri().path()) {
            Some(idempotent) => repeat(self.inner.clone(), self.policy.clone(), idempotent, request).boxed(),
            None => self.inner.call(request),
        }
    }
}

async fn repeat<S>(
    mut inner: S,
    policy: Policy,
    idempotent: bool,
    request: Request,
) -> Result<Response, CallError>
where
    S: Service<Request, Response = Response, Error = CallError, Future = Answer>,
{
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(CallError::Request)?.to_bytes();
    let deadline = parts.extensions.get::<CallDeadline>().copied();
    parts.extensions.insert(Tried::default());
    policy.budget.deposit();
    let mut attempts = 1;
    loop {
        let result = policy.attempt(&mut inner, &parts, &body).await;
        let pause = policy.pause(attempts);
        let is_late = deadline.is_some_and(|deadline| deadline.is_past_after(pause));
        let is_last = attempts >= policy.max_attempts || is_late;
        // The budget is asked last: asking spends.
        if is_last || !may_be_repeated(&result, idempotent) || !policy.withdraw() {
            return result.map(|(mut response, _)| {
                if attempts > 1 {
                    response.extensions_mut().insert(Repeated);
                }
                response
            });
        }
        tracing::debug!(path = parts.uri.path(), attempts, ?pause, "the call is sent again");
        tokio::time::sleep(pause).await;
        attempts += 1;
        if let Some(deadline) = deadline {
            deadline.pass_on(&mut parts.headers);
        }
    }
}

/// How a response ended.
#[derive(Default)]
struct Ending {
    code: Option<Code>,
    /// Whether the service asks not to be called again for this (gRFC A6).
    is_final: bool,
}

impl Ending {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let code = Some(grpc_code(headers)?);
        let is_final = headers.get(RETRY_PUSHBACK).is_some_and(|told| told == DO_NOT_RETRY);
        Some(Self { code, is_final })
    }
}

fn may_be_repeated(result: &Result<(Response, Ending), CallError>, idempotent: bool) -> bool {
    match result {
        Ok((_, ending)) => idempotent && ending.code == Some(Code::Unavailable) && !ending.is_final,
        Err(CallError::NotConnected { .. }) => true,
        Err(CallError::Broken { .. }) => idempotent,
        Err(
            CallError::NoInstance { .. }
            | CallError::Overloaded { .. }
            | CallError::DeadlineExceeded { .. }
            | CallError::Request(_),
        ) => false,
    }
}

impl Policy {
    /// Sends the request and reads the whole response: one that breaks off half-way has failed too.
    async fn attempt<S>(
        &self,
        inner: &mut S,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<(Response, Ending), CallError>
    where
        S: Service<Request, Response = Response, Error = CallError, Future = Answer>,
    {
        let request = Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
        let (head, body) = inner.call(request).await?.into_parts();
        let broken = |status| CallError::Broken { service: self.service.clone(), source: Box::new(status) };
        let body = body.collect().await.map_err(broken)?;
        let ending = Ending::of(&head.headers).or_else(|| body.trailers().and_then(Ending::of));
        Ok((Response::from_parts(head, Body::new(body)), ending.unwrap_or_default()))
    }

    /// Spends one retry; false when there is none.
    fn withdraw(&self) -> bool {
        let is_granted = self.budget.withdraw();
        if is_granted {
            self.retries.sent.increment(1)
        } else {
            self.retries.refused.increment(1)
        }
        is_granted
    }

    /// A random part of a time that doubles with each attempt.
    fn pause(&self, attempts: u32) -> Duration {
        let doubled = self.backoff.saturating_mul(2_u32.saturating_pow(attempts - 1));
        doubled.min(self.longest_backoff).mul_f64(rand::random())
    }
}
