//! What leaves the process of a span, in the words of OpenTelemetry's semantic conventions.
//!
//! The spans `request`, `rpc` and `consume` are those of log lines, whose fields have other names and may hold what is
//! nobody else's, such as a subject that ends in an id. They are translated here. Everything else in a
//! trace has a name of the conventions already, which all have a dot in them; what has none stays here.
//!
//! Source: semantic conventions 1.42, <https://opentelemetry.io/docs/specs/semconv/>.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_proto::tonic::common::v1::{self as common, any_value};
use opentelemetry_proto::tonic::trace::v1;
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

/// A span with what others may know of it; none when it is nothing that they care for.
pub(super) fn translated(mut span: SpanData) -> Option<v1::Span> {
    let attributes = std::mem::take(&mut span.attributes);
    let mut told = Vec::with_capacity(attributes.len() + 2);
    let mut fields = Fields(Vec::with_capacity(attributes.len()));
    for KeyValue { key, value, .. } in attributes {
        if key.as_str().contains('.') {
            told.push(attribute(key, value));
        } else {
            fields.0.push((key, value));
        }
    }
    match &*span.name {
        "request" => request(&mut span, &fields, &mut told)?,
        "rpc" => rpc(&mut span, &fields, &mut told)?,
        "consume" => consume(&mut span, &fields, &mut told),
        _ => {}
    }
    let mut span = v1::Span::from(span);
    span.attributes = told;
    Some(span)
}

/// What log lines tell of a span.
struct Fields(Vec<(Key, Value)>);

impl Fields {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value.as_str())
    }
}

/// Moves texts, as the conversion of opentelemetry-proto does not.
fn attribute(key: impl Into<String>, value: impl Into<Value>) -> common::KeyValue {
    let value = match value.into() {
        Value::String(text) => common::AnyValue { value: Some(any_value::Value::StringValue(text.into())) },
        other => other.into(),
    };
    common::KeyValue { key: key.into(), value: Some(value), ..common::KeyValue::default() }
}

fn request(span: &mut SpanData, fields: &Fields, told: &mut Vec<common::KeyValue>) -> Option<()> {
    let method = fields.text("method").unwrap_or_default();
    // Any other is what somebody made up.
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    let known = known.into_iter().find(|known| *known == method);
    let route = fields.text("route").filter(|route| route.starts_with('/'));
    if route.as_ref().is_some_and(|route| PROBES.contains(&&**route)) {
        return None;
    }
    span.span_kind = SpanKind::Server;
    let verb = known.unwrap_or("HTTP");
    span.name = match &route {
        Some(route) => format!("{verb} {route}").into(),
        None => verb.into(),
    };
    told.push(attribute("http.request.method", known.unwrap_or("_OTHER")));
    told.extend(route.map(|route| attribute("http.route", route.into_owned())));
    Some(())
}

fn rpc(span: &mut SpanData, fields: &Fields, told: &mut Vec<common::KeyValue>) -> Option<()> {
    let path = fields.text("rpc").unwrap_or_default();
    let method = rpc_method(&path).to_owned();
    if method.starts_with(HEALTH) {
        return None;
    }
    span.span_kind = SpanKind::Server;
    span.name = method.clone().into();
    told.push(attribute("rpc.system.name", "grpc"));
    told.push(attribute("rpc.method", method));
    Some(())
}

fn consume(span: &mut SpanData, fields: &Fields, told: &mut Vec<common::KeyValue>) {
    let subject = fields.text("subject").unwrap_or_default();
    let destination = destination(&subject).to_owned();
    span.span_kind = SpanKind::Consumer;
    span.name = format!("process {destination}").into();
    told.push(attribute("messaging.system", "nats"));
    told.push(attribute("messaging.operation.name", "process"));
    told.push(attribute("messaging.operation.type", "process"));
    told.push(attribute("messaging.destination.name", destination));
    for (name, field) in [("messaging.consumer.group.name", "consumer"), ("messaging.message.id", "event_id")]
    {
        told.extend(fields.text(field).map(|text| attribute(name, text.into_owned())));
    }
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

    fn exported(span: SpanData) -> (String, v1::span::SpanKind, BTreeMap<String, String>) {
        let span = translated(span).unwrap();
        let text = |value: Option<common::AnyValue>| match value.and_then(|any| any.value) {
            Some(any_value::Value::StringValue(text)) => text,
            other => format!("{other:?}"),
        };
        let kind = span.kind();
        let attributes = span.attributes.into_iter();
        let attributes = attributes.map(|attribute| (attribute.key, text(attribute.value)));
        (span.name, kind, attributes.collect())
    }

    fn attributes(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_request_is_named_after_its_route_and_tells_nothing_of_who_made_it() {
        let fields =
            [("method", "GET"), ("route", "/v1/counsels/{id}"), ("request_id", "r"), ("trace_id", "t")];
        let (name, kind, told) = exported(span("request", &fields));
        assert_eq!((name.as_str(), kind), ("GET /v1/counsels/{id}", v1::span::SpanKind::Server));
        let expected = [("http.request.method", "GET"), ("http.route", "/v1/counsels/{id}")];
        assert_eq!(told, attributes(&expected));
    }

    #[test]
    fn what_clients_make_up_is_not_in_a_name() {
        let (name, _, told) = exported(span("request", &[("method", "SAYHELLO"), ("route", "(none)")]));
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
            assert!(translated(span(name, &[(field, value)])).is_none(), "{value}");
        }
    }

    #[test]
    fn an_event_is_named_without_the_id_of_its_aggregate() {
        let fields = [("consumer", "user-svc-x"), ("subject", "users.user.created.0190"), ("event_id", "e")];
        let (name, kind, told) = exported(span("consume", &fields));
        assert_eq!((name.as_str(), kind), ("process users.user.created", v1::span::SpanKind::Consumer));
        assert_eq!(told["messaging.destination.name"], "users.user.created");
        assert_eq!(told["messaging.message.id"], "e");
        assert!(!format!("{told:?}").contains("0190"));
    }

    #[test]
    fn only_names_of_the_conventions_go_out() {
        let (_, _, told) = exported(span("call", &[("rpc.method", "a.B/C"), ("address", "x")]));
        assert_eq!(told, attributes(&[("rpc.method", "a.B/C")]));
    }
}
