//! Counts the calls to one service, and what becomes of its instances.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use metrics::{Counter, Gauge, Histogram};
use tower::{Layer, Service};

use super::error::CallError;
use super::{Answer, Request, Response};
use crate::grpc::{Ending, label};
use crate::metrics::names;

/// Counts every call once, whatever happens to it further in.
pub(super) struct MeasureLayer {
    service: Arc<str>,
}

impl MeasureLayer {
    pub(super) fn new(service: Arc<str>) -> Self {
        Self { service }
    }
}

impl<S> Layer<S> for MeasureLayer {
    type Service = Measure<S>;

    fn layer(&self, inner: S) -> Measure<S> {
        Measure {
            inner,
            service: self.service.clone(),
            seconds: metrics::histogram!(names::UPSTREAM_SECONDS, "service" => self.service.clone()),
            shed: metrics::counter!(names::UPSTREAM_SHED, "service" => self.service.clone()),
        }
    }
}

#[derive(Clone)]
pub(super) struct Measure<S> {
    inner: S,
    service: Arc<str>,
    seconds: Histogram,
    shed: Counter,
}

impl<S> Measure<S> {
    fn begin(&self) -> Ending {
        let (service, seconds, began) = (self.service.clone(), self.seconds.clone(), Instant::now());
        Ending::new(move |code| {
            seconds.record(began.elapsed());
            metrics::counter!(names::UPSTREAM_CALLS, "service" => service, "code" => label(code))
                .increment(1);
        })
    }
}

impl<S> Service<Request> for Measure<S>
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
        let (ending, shed) = (self.begin(), self.shed.clone());
        let answer = self.inner.call(request);
        async move {
            match answer.await {
                Ok(response) => Ok(ending.follow(response)),
                Err(error) => {
                    if matches!(error, CallError::Overloaded { .. }) {
                        shed.increment(1);
                    }
                    ending.tell(error.code());
                    Err(error)
                }
            }
        }
        .boxed()
    }
}

/// What is counted of retries.
#[derive(Clone)]
pub(super) struct Retries {
    pub(super) sent: Counter,
    pub(super) refused: Counter,
}

impl Retries {
    pub(super) fn of(service: &Arc<str>) -> Self {
        Self {
            sent: metrics::counter!(names::UPSTREAM_RETRIES, "service" => service.clone()),
            refused: metrics::counter!(names::UPSTREAM_RETRIES_REFUSED, "service" => service.clone()),
        }
    }
}

/// What is counted of instances.
#[derive(Clone)]
pub(super) struct Instances {
    known: Gauge,
    ejected: Gauge,
    ejections: Counter,
}

impl Instances {
    pub(super) fn of(service: &Arc<str>) -> Self {
        Self {
            known: metrics::gauge!(names::UPSTREAM_INSTANCES, "service" => service.clone()),
            ejected: metrics::gauge!(names::UPSTREAM_EJECTED, "service" => service.clone()),
            ejections: metrics::counter!(names::UPSTREAM_EJECTIONS, "service" => service.clone()),
        }
    }

    /// There are so many.
    pub(super) fn are(&self, number: usize) {
        self.known.set(u32::try_from(number).unwrap_or(u32::MAX));
    }

    /// One served or did not, and does now or does not.
    pub(super) fn changed(&self, did_serve: bool, serves: bool) {
        match (did_serve, serves) {
            (true, false) => self.ejected.increment(1.0),
            (false, true) => self.ejected.decrement(1.0),
            (true, true) | (false, false) => {}
        }
    }

    /// One is left out from now on, or for longer.
    pub(super) fn one_is_ejected(&self) {
        self.ejections.increment(1);
    }
}
