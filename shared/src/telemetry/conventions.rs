//! What leaves the process of a span, in the words of OpenTelemetry's semantic conventions.
//!
//! The spans `request`, `rpc` and `consume` are those of log lines, whose fields have other names and may hold what is
//! nobody else's, such as a subject that ends in an id. They are translated here, on the exporter's thread. Everything
//! else in a trace has a name of the conventions already, which all have a dot in them; what has none stays here.
//!
//! Source: semantic conventions 1.42, <https://opentelemetry.io/docs/specs/semconv/>.

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use tonic::Code;

/// Spans of log lines that are in traces as well.
const SHARED: [&str; 3] = ["request", "rpc", "consume"];
/// Asked every few seconds: they would bury the rest.
const PROBES: [&str; 2] = ["/livez", "/readyz"];
const HEALTH: &str = "grpc.health.v1.Health/";

/// Whether a span of this name is in traces.
pub(super) fn is_shared(name: &str) -> bool {
    SHARED.contains(&name)
}

/// Says of a span what others may know; false when it is nothing that they care for.
pub(super) fn translate(span: &mut SpanData) -> bool {
    let attributes = std::mem::take(&mut span.attributes);
    let (told, fields): (Vec<_>, Vec<_>) =
        attributes.into_iter().partition(|attribute| attribute.key.as_str().contains('.'));
    span.attributes = told;
    let field = |name: &str| fields.iter().find(|field| field.key.as_str() == name).map(|field| &field.value);
    match &*span.name {
        "request" => request(span, field),
        "rpc" => rpc(span, field),
        "consume" => {
            consume(span, field);
            true
        }
        _ => true,
    }
}

fn request<'a>(span: &mut SpanData, field: impl Fn(&str) -> Option<&'a Value>) -> bool {
    let method = field("method").map(Value::as_str).unwrap_or_default();
    // Any other is what somebody made up.
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    let is_known = known.contains(&&*method);
    let route = field("route").map(Value::as_str).filter(|route| route.starts_with('/'));
    if route.as_ref().is_some_and(|route| PROBES.contains(&&**route)) {
        return false;
    }
    span.span_kind = SpanKind::Server;
    let verb = if is_known { &method } else { "HTTP" };
    span.name = match &route {
        Some(route) => format!("{verb} {route}").into(),
        None => verb.to_owned().into(),
    };
    let method = if is_known { method.into_owned() } else { "_OTHER".to_owned() };
    span.attributes.push(KeyValue::new("http.request.method", method));
    span.attributes.extend(route.map(|route| KeyValue::new("http.route", route.into_owned())));
    true
}

fn rpc<'a>(span: &mut SpanData, field: impl Fn(&str) -> Option<&'a Value>) -> bool {
    let path = field("rpc").map(Value::as_str).unwrap_or_default();
    let method = rpc_method(&path).to_owned();
    if method.starts_with(HEALTH) {
        return false;
    }
    span.span_kind = SpanKind::Server;
    span.name = method.clone().into();
    span.attributes.push(KeyValue::new("rpc.system.name", "grpc"));
    span.attributes.push(KeyValue::new("rpc.method", method));
    true
}

fn consume<'a>(span: &mut SpanData, field: impl Fn(&str) -> Option<&'a Value>) {
    let text = |name: &str| field(name).map(|value| value.as_str().into_owned());
    let subject = text("subject").unwrap_or_default();
    let destination = destination(&subject).to_owned();
    span.span_kind = SpanKind::Consumer;
    span.name = format!("process {destination}").into();
    span.attributes.push(KeyValue::new("messaging.system", "nats"));
    span.attributes.push(KeyValue::new("messaging.operation.name", "process"));
    span.attributes.push(KeyValue::new("messaging.operation.type", "process"));
    span.attributes.push(KeyValue::new("messaging.destination.name", destination));
    let group = text("consumer").map(|name| KeyValue::new("messaging.consumer.group.name", name));
    let id = text("event_id").map(|id| KeyValue::new("messaging.message.id", id));
    span.attributes.extend(group.into_iter().chain(id));
}

/// The full name of a method, of the path that it is called by.
pub(crate) fn rpc_method(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// The subject of a kind of events: without the id of the aggregate, which may be somebody's.
pub(crate) fn destination(subject: &str) -> &str {
    subject.rsplit_once('.').map_or(subject, |(kind, _)| kind)
}

/// A status code as gRPC writes it.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, Status};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    fn span(name: &'static str, fields: &[(&'static str, &'static str)]) -> SpanData {
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: fields.iter().map(|(name, value)| KeyValue::new(*name, *value)).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    fn translated(mut span: SpanData) -> (String, SpanKind, BTreeMap<String, String>) {
        assert!(translate(&mut span));
        let attributes = span.attributes.into_iter();
        let attributes = attributes.map(|attribute| (attribute.key.to_string(), attribute.value.to_string()));
        (span.name.into_owned(), span.span_kind, attributes.collect())
    }

    fn attributes(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_request_is_named_after_its_route_and_tells_nothing_of_who_made_it() {
        let fields =
            [("method", "GET"), ("route", "/v1/counsels/{id}"), ("request_id", "r"), ("trace_id", "t")];
        let (name, kind, told) = translated(span("request", &fields));
        assert_eq!((name.as_str(), kind), ("GET /v1/counsels/{id}", SpanKind::Server));
        let expected = [("http.request.method", "GET"), ("http.route", "/v1/counsels/{id}")];
        assert_eq!(told, attributes(&expected));
    }

    #[test]
    fn what_clients_make_up_is_not_in_a_name() {
        let (name, _, told) = translated(span("request", &[("method", "SAYHELLO"), ("route", "(none)")]));
        assert_eq!(name, "HTTP");
        assert_eq!(told, attributes(&[("http.request.method", "_OTHER")]));
    }

    #[test]
    fn probes_are_in_no_trace() {
        for (name, field, value) in [
            ("request", "route", "/livez"),
            ("request", "route", "/readyz"),
            ("rpc", "rpc", "/grpc.health.v1.Health/Check"),
        ] {
            assert!(!translate(&mut span(name, &[(field, value)])), "{value}");
        }
    }

    #[test]
    fn an_event_is_named_without_the_id_of_its_aggregate() {
        let fields = [("consumer", "user-svc-x"), ("subject", "users.user.created.0190"), ("event_id", "e")];
        let (name, kind, told) = translated(span("consume", &fields));
        assert_eq!((name.as_str(), kind), ("process users.user.created", SpanKind::Consumer));
        assert_eq!(told["messaging.destination.name"], "users.user.created");
        assert_eq!(told["messaging.message.id"], "e");
        assert!(!format!("{told:?}").contains("0190"));
    }

    #[test]
    fn only_names_of_the_conventions_go_out() {
        let (_, _, told) = translated(span("call", &[("rpc.method", "a.B/C"), ("address", "x")]));
        assert_eq!(told, attributes(&[("rpc.method", "a.B/C")]));
    }
}
