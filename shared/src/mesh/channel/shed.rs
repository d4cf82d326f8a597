//! Refuses what is too much, at once: a queue would only let everybody wait past their deadlines.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::ready;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

use super::body::{Guard, guarded};
use super::error::CallError;
use super::{Answer, Request, Response};

/// Lets `limit` calls to a service be in flight.
pub(super) struct ShedLayer {
    service: Arc<str>,
    limit: usize,
}

impl ShedLayer {
    pub(super) fn new(service: Arc<str>, limit: usize) -> Self {
        Self { service, limit: limit.min(Semaphore::MAX_PERMITS) }
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Shed<S> {
        let permits = Arc::new(Semaphore::new(self.limit));
        Shed { inner, service: self.service.clone(), limit: self.limit, permits }
    }
}

#[derive(Clone)]
pub(super) struct Shed<S> {
    inner: S,
    service: Arc<str>,
    limit: usize,
    permits: Arc<Semaphore>,
}

impl<S> Service<Request> for Shed<S>
where
    S: Service<Request, Response = Response, Error = CallError, Future = Answer>,
{
    type Response = Response;
    type Error = CallError;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            let overloaded = CallError::Overloaded { service: self.service.clone(), limit: self.limit };
            return ready(Err(overloaded)).boxed();
        };
        self.inner.call(request).map(|result| result.map(|response| guarded(response, permit))).boxed()
    }
}

impl Guard for OwnedSemaphorePermit {}
