//! Logs, and the W3C trace context that follows a request over HTTP, gRPC and NATS; traces for a collector, when there
//! is one.
//!
//! Source: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

mod conventions;
mod export;
mod record;
mod settings;

use std::fmt::{Display, Formatter};
use std::io::IsTerminal;
use std::str::FromStr;

pub(crate) use conventions::{destination, rpc_method};
pub use export::{finish, instance};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceId, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
pub(crate) use record::{Side, rpc_ended};
pub use record::{failed, http_answered, note};
pub use settings::{QueueSettings, TraceSettings};
use tracing::field::DisplayValue;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::Error;

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

impl Display for LogFormat {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Auto => "auto",
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
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

/// The target of spans that are in traces alone: log lines never show them, and without export they do not exist.
pub const TRACES: &str = "traces";

/// Starts logging to standard output, and exporting traces if there are settings for that; `RUST_LOG` chooses what is
/// logged, `info` by default. Must be called in a tokio runtime.
///
/// A second call leaves the first one's settings.
///
/// # Errors
/// When no encrypted connection to the collector can be made from here.
pub fn init(service: &'static str, format: LogFormat, traces: Option<&TraceSettings>) -> Result<(), Error> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn,async_nats=warn"))
        .add_directive(format!("{TRACES}=off").parse().map_err(Error::internal)?);
    // A test binary starts several services in one process: only the first may install the subscriber.
    let _ = match traces {
        // Nothing is recorded, but every request still has ids to follow it by.
        None => {
            let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
            let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
            let registry = tracing_subscriber::registry().with(filter).with(lines(format));
            registry.with(contexts(service, &provider)).try_init()
        }
        // What is logged does not change what is traced.
        Some(settings) => {
            let provider = export::start(service, settings)?;
            let spans = filter_fn(|metadata| {
                metadata.is_span() && (metadata.target() == TRACES || conventions::is_shared(metadata.name()))
            });
            let spans = spans.with_max_level_hint(LevelFilter::INFO);
            let registry = tracing_subscriber::registry().with(lines(format).with_filter(filter));
            registry.with(contexts(service, &provider).with_filter(spans)).try_init()
        }
    };
    Ok(())
}

/// Writes log lines.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let terminal = std::io::stdout().is_terminal();
    if format == LogFormat::Json || (format == LogFormat::Auto && !terminal) {
        fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        let colours = std::env::var_os("NO_COLOR").is_none()
            && (terminal || std::env::var_os("CLICOLOR_FORCE").is_some());
        fmt::layer().compact().with_ansi(colours).boxed()
    }
}

/// Gives spans their trace contexts. Where in the code they were made, and on which thread, is not worth its time.
fn contexts<S>(service: &'static str, provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Contexts are passed on from span to span.
        .with_context_activation(false)
}

/// Where the trace comes from that a span is to be a part of, if it has begun elsewhere.
pub struct TraceParent(Context);

impl TraceParent {
    /// As the carrier tells it.
    pub fn of(carrier: &dyn Extractor) -> Self {
        Self(TraceContextPropagator::new().extract(carrier))
    }

    /// What a span that will continue it has as its field `trace_id` from the start; nothing where it has yet to begin.
    /// To add a field later costs several times as much.
    pub fn trace_id(&self) -> Option<DisplayValue<TraceId>> {
        Self::id_of(&self.0)
    }

    fn id_of(context: &Context) -> Option<DisplayValue<TraceId>> {
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| tracing::field::display(context.trace_id()))
    }

    /// Makes `span` a part of it. Where it begins with this span, records its id as the field `trace_id`.
    pub fn continue_in(self, span: &Span) {
        let is_known = self.trace_id().is_some();
        // Fails only where no subscriber keeps trace contexts, as in a unit test.
        let _ = span.set_parent(self.0);
        if let (false, Some(id)) = (is_known, Self::id_of(&span.context())) {
            span.record("trace_id", id);
        }
    }
}

/// Writes the current span's trace context into `carrier`.
pub fn inject_trace(carrier: &mut dyn Injector) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), carrier);
}

/// Whether a span that is begun now may be exported: not in a trace that was left out, nor where there is no export.
pub(crate) fn may_be_sampled() -> bool {
    let is_left_out = || {
        let context = Span::current().context();
        let around = context.span();
        let around = around.span_context();
        around.is_valid() && !around.is_sampled()
    };
    export::is_on() && !is_left_out()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Corpus;

    #[test]
    fn a_trace_context_is_passed_on_as_it_came_or_not_at_all() {
        Corpus::of(env!("CARGO_MANIFEST_DIR"), "traces").check_text(file!(), |text| {
            let Ok(value) = http::HeaderValue::from_str(text) else { return };
            let came = http::HeaderMap::from_iter([
                (http::HeaderName::from_static("traceparent"), value.clone()),
                (http::HeaderName::from_static("tracestate"), value),
            ]);
            TraceParent::of(&HttpHeaders(&came)).continue_in(&Span::none());
            let propagator = TraceContextPropagator::new();
            let context = propagator.extract(&HttpHeaders(&came));
            let mut goes = http::HeaderMap::new();
            propagator.inject_context(&context, &mut HttpHeadersMut(&mut goes));
            let Some(goes) = goes.get("traceparent") else { return };
            let goes = goes.to_str().unwrap();
            // Zeros before a number may have been left out.
            let number = |id: &str| u128::from_str_radix(id, 16).unwrap();
            let ids = |text: &str| text.split('-').skip(1).take(2).map(number).collect::<Vec<_>>();
            assert_eq!(ids(goes), ids(text));
            assert_eq!(goes.len(), 55);
        });
    }
}
