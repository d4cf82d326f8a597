//! What becomes known of a span while it runs. Log lines say it in their own way; this is for traces alone.

use opentelemetry::Value;
use opentelemetry::trace::Status;
use tonic::Code;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{conventions, export};

/// Which end of a call a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Notes something of the current span: `name` is one of the semantic conventions.
pub fn note(name: &'static str, value: impl Into<Value>) {
    if export::is_on() {
        Span::current().set_attribute(name, value);
    }
}

/// The current span failed, for a reason of this kind.
pub fn failed(kind: &'static str) {
    if export::is_on() {
        let span = Span::current();
        span.set_attribute("error.type", kind);
        span.set_status(Status::error(""));
    }
}

/// The HTTP request of the current span is answered.
pub fn http_answered(status: u16) {
    note("http.response.status_code", i64::from(status));
    // What the client did wrong is no failure of ours.
    if status >= 500 && export::is_on() {
        let span = Span::current();
        span.set_attribute("error.type", status.to_string());
        span.set_status(Status::error(""));
    }
}

/// The call of the current span has ended.
pub(crate) fn rpc_ended(side: Side, code: Code) {
    let name = conventions::code_name(code);
    note("rpc.response.status_code", name);
    let is_failure = match side {
        Side::Client => code != Code::Ok,
        // As for HTTP.
        Side::Server => matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ),
    };
    if is_failure {
        failed(name);
    }
}
