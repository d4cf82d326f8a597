//! Runs every call in a span that continues the caller's trace.

use std::task::{Context, Poll};

use futures::TryFutureExt;
use futures::future::InspectOk;
use tonic::Code;
use tower::{Layer, Service};
use tracing::Instrument;
use tracing::instrument::Instrumented;

use crate::telemetry::{self, HttpHeaders, Side, TraceParent};

#[derive(Clone, Copy)]
pub(super) struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace { inner }
    }
}

#[derive(Clone)]
pub(super) struct Trace<S> {
    inner: S,
}

impl<S, B, R> Service<http::Request<B>> for Trace<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<InspectOk<S::Future, fn(&http::Response<R>)>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let rpc = request.uri().path();
        let parent = TraceParent::of(&HttpHeaders(request.headers()));
        let span = tracing::info_span!("rpc", rpc, trace_id = parent.trace_id());
        parent.continue_in(&span);
        self.inner.call(request).inspect_ok(ended as fn(&http::Response<R>)).instrument(span)
    }
}

/// A failure is told in the headers of the answer; only one in the middle of a stream comes later.
fn ended<R>(response: &http::Response<R>) {
    let code =
        response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    telemetry::rpc_ended(Side::Server, code);
}
