//! Counts the calls of a server.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::{Gauge, Histogram};
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};

use super::Rule;
use super::ending::{Ending, label};
use crate::metrics::names;

/// Counts every call under its method. Those that have no rule are one method together: callers make up paths.
#[derive(Clone)]
pub(super) struct MeasureLayer {
    methods: Arc<HashMap<&'static str, Method>>,
    other: Method,
    in_flight: Gauge,
}

#[derive(Clone)]
struct Method {
    service: &'static str,
    name: &'static str,
    seconds: Histogram,
}

impl Method {
    fn new(service: &'static str, name: &'static str) -> Self {
        let seconds =
            metrics::histogram!(names::GRPC_SECONDS, "grpc_service" => service, "grpc_method" => name);
        Self { service, name, seconds }
    }

    /// From a path such as `/hearlers.v1.UserService/GetUser`.
    fn at(path: &'static str) -> Option<Self> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        Some(Self::new(service, name))
    }

    fn ended(&self, code: Code, began: Instant) {
        self.seconds.record(began.elapsed());
        metrics::counter!(
            names::GRPC_HANDLED,
            "grpc_service" => self.service,
            "grpc_method" => self.name,
            "grpc_code" => label(code),
        )
        .increment(1);
    }
}

impl MeasureLayer {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let methods = rules.iter().filter_map(|(path, _)| Some((*path, Method::at(path)?))).collect();
        Self {
            methods: Arc::new(methods),
            other: Method::new("other", "other"),
            in_flight: metrics::gauge!(names::GRPC_IN_FLIGHT),
        }
    }

    /// A call begins.
    fn begin(&self, path: &str) -> Ending {
        let method = self.methods.get(path).unwrap_or(&self.other).clone();
        let (in_flight, began) = (self.in_flight.clone(), Instant::now());
        in_flight.increment(1.0);
        Ending::new(move |code| {
            in_flight.decrement(1.0);
            method.ended(code, began);
        })
    }
}

impl<S> Layer<S> for MeasureLayer {
    type Service = Measure<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Measure { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Measure<S> {
    inner: S,
    layer: MeasureLayer,
}

impl<S, B> Service<http::Request<B>> for Measure<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let ending = self.layer.begin(request.uri().path());
        let answer = self.inner.call(request);
        async move {
            match answer.await {
                Ok(response) => Ok(ending.follow(response)),
                Err(error) => {
                    ending.tell(Code::Unknown);
                    Err(error)
                }
            }
        }
        .boxed()
    }
}
