//! Logs, and the W3C trace context that follows a request over HTTP, gRPC and NATS.
//!
//! Source: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::io::IsTerminal;
use std::str::FromStr;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("must be auto, pretty or json"),
        }
    }
}

/// Starts logging to standard output; `RUST_LOG` chooses what is logged, `info` by default.
///
/// A second call leaves the first one's settings.
pub fn init(service: &'static str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn,async_nats=warn"));
    let terminal = std::io::stdout().is_terminal();
    let lines = if format == LogFormat::Json || (format == LogFormat::Auto && !terminal) {
        fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        let colours = std::env::var_os("NO_COLOR").is_none()
            && (terminal || std::env::var_os("CLICOLOR_FORCE").is_some());
        fmt::layer().compact().with_ansi(colours).boxed()
    };
    // Without an exporter nothing is recorded, but every request still has ids to follow it by.
    let provider =
        SdkTracerProvider::builder().with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build();
    let context = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    // A test binary starts several services in one process: only the first may install the subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(context).try_init();
}

/// Makes the trace context in `carrier` the parent of `span`, and records the trace id as its field `trace_id`.
pub fn continue_trace(span: &Span, carrier: &dyn Extractor) {
    let parent = TraceContextPropagator::new().extract(carrier);
    // Fails only where no subscriber keeps trace contexts, as in a unit test.
    let _ = span.set_parent(parent);
    let context = span.context();
    let context = context.span().span_context().clone();
    if context.is_valid() {
        span.record("trace_id", tracing::field::display(context.trace_id()));
    }
}

/// Writes the current span's trace context into `carrier`.
pub fn inject_trace(carrier: &mut dyn Injector) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), carrier);
}

/// The current span's trace context as the value of a `traceparent` header, if there is one.
pub fn traceparent() -> Option<String> {
    let mut carrier = std::collections::HashMap::<String, String>::new();
    inject_trace(&mut carrier);
    carrier.remove("traceparent")
}

/// HTTP headers as a carrier of trace context.
pub struct HttpHeaders<'a>(pub &'a http::HeaderMap);

impl Extractor for HttpHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// HTTP headers that trace context is written into.
pub struct HttpHeadersMut<'a>(pub &'a mut http::HeaderMap);

impl Injector for HttpHeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (http::HeaderName::from_str(key), http::HeaderValue::from_str(&value))
        {
            self.0.insert(name, value);
        }
    }
}

/// NATS headers as a carrier of trace context.
pub struct NatsHeaders<'a>(pub &'a async_nats::HeaderMap);

impl Extractor for NatsHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(async_nats::HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_ref()).collect()
    }
}
