//! A span for each attempt at a call.
//!
//! For each attempt and not for each call: it says which instance was asked and what came of it, and what an instance
//! did hangs on the attempt that reached it. The attempts of one call stand side by side under what called.

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
    /// Begins one, which `request` tells the instance at `address` of; without export, it tells of the span around it.
    pub(super) fn begin(request: &mut Request, address: &str) -> Self {
        let method = telemetry::rpc_method(request.uri().path());
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let span = tracing::info_span!(
            target: TRACES,
            "call",
            otel.name = method,
            otel.kind = "client",
            rpc.system.name = "grpc",
            rpc.method = method,
            server.address = host,
            server.port = port.parse::<u16>().ok(),
        );
        span.in_scope(|| telemetry::inject_trace(&mut HttpHeadersMut(request.headers_mut())));
        Self { span, has_ended: false }
    }

    /// It ended so; what is said of it later changes nothing.
    pub(super) fn ended(&mut self, code: Code) {
        if !std::mem::replace(&mut self.has_ended, true) && !self.span.is_disabled() {
            self.span.in_scope(|| telemetry::rpc_ended(Side::Client, code));
        }
    }
}
