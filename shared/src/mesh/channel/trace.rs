//! A span for each attempt at a call.
//!
//! For each attempt and not for each call: it says which instance was asked and what came of it, and what an instance
//! did hangs on the attempt that reached it. The attempts of one call stand side by side under what called.
//!
//! Only where it may be exported: a span in a trace that is left out costs nearly as much as any other.

use tonic::Code;
use tracing::Span;

use super::Request;
use crate::telemetry::{self, HttpHeadersMut, Side, TRACES};

/// An attempt under way.
pub(super) struct Attempt {
    span: Span,
    has_ended: bool,
}

impl Attempt {
    /// Begins one, which `request` tells the instance at `address` of; where it is not exported, of the span around it.
    pub(super) fn begin(request: &mut Request, address: &str) -> Self {
        let span = if telemetry::may_be_sampled() { Self::span(request, address) } else { Span::none() };
        let headers = &mut HttpHeadersMut(request.headers_mut());
        span.in_scope(|| telemetry::inject_trace(headers));
        Self { span, has_ended: false }
    }

    fn span(request: &Request, address: &str) -> Span {
        let method = telemetry::rpc_method(request.uri().path());
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        tracing::info_span!(
            target: TRACES,
            "call",
            otel.name = method,
            otel.kind = "client",
            rpc.system.name = "grpc",
            rpc.method = method,
            server.address = host,
            server.port = port.parse::<u16>().ok(),
        )
    }

    /// It ended so; what is said of it later changes nothing.
    pub(super) fn ended(&mut self, code: Code) {
        if !std::mem::replace(&mut self.has_ended, true) && !self.span.is_disabled() {
            self.span.in_scope(|| telemetry::rpc_ended(Side::Client, code));
        }
    }
}
