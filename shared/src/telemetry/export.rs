//! Sends spans to a collector, beside everything else that happens and never in its way.
//!
//! Ended spans wait in a queue of bounded length for a thread that sends them in batches; what does not fit is dropped.
//! The SDK's own variables (`OTEL_BSP_…`) change its sizes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::sync::oneshot;
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::{TraceSettings, conventions};
use crate::error::Chain;
use crate::{Error, id};

/// How long a connection to the collector may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a batch may take: what OpenTelemetry's specification has as its default.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);

/// Of this process, when it exports.
static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    provider: SdkTracerProvider,
    instance: String,
}

/// Whether spans are exported.
pub(super) fn is_on() -> bool {
    EXPORT.get().is_some()
}

/// The id of this process in traces, when it exports. It enters the registry by the same one.
pub fn instance() -> Option<String> {
    EXPORT.get().map(|export| export.instance.clone())
}

/// Begins to export what ends in this process from now on. Must be called in a tokio runtime.
///
/// # Errors
/// When no encrypted connection can be made from here.
pub(super) fn start(service: &'static str, settings: &TraceSettings) -> Result<SdkTracerProvider, Error> {
    let collector = Endpoint::from(settings.collector.clone());
    let mut collector = collector.connect_timeout(CONNECT_LIMIT).timeout(EXPORT_LIMIT);
    if settings.collector.scheme_str() == Some("https") {
        let tls = ClientTlsConfig::new().with_native_roots();
        collector = collector.tls_config(tls).map_err(Error::internal)?;
    }
    let otlp = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_channel(collector.connect_lazy())
        .with_timeout(EXPORT_LIMIT)
        .build()
        .map_err(Error::internal)?;
    let instance = id::new_id();
    let resource = Resource::builder().with_service_name(service).with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance.clone()),
    ]);
    let provider = SdkTracerProvider::builder()
        .with_sampler(settings.sampler.clone())
        .with_resource(resource.build())
        .with_batch_exporter(Exporter { otlp, is_failing: AtomicBool::new(false) })
        .build();
    // A second start in one process, as in tests, exports beside the first.
    let _ = EXPORT.set(Export { provider: provider.clone(), instance });
    Ok(provider)
}

/// Sends what waits, and nothing more afterwards: at the end of a process, and for no longer than `limit`.
pub async fn finish(limit: Duration) {
    let Some(Export { provider, .. }) = EXPORT.get() else { return };
    let (tell, told) = oneshot::channel();
    // A thread of its own: the end of the runtime would wait for one of its pool's, whatever the limit.
    std::thread::spawn(move || tell.send(provider.shutdown_with_timeout(limit)));
    if !matches!(tokio::time::timeout(limit, told).await, Ok(Ok(Ok(())))) {
        tracing::warn!("some spans were not sent in time");
    }
}

/// Says what others may know of spans, sends it, and says once when an outage begins and when it ends.
#[derive(Debug)]
struct Exporter {
    otlp: opentelemetry_otlp::SpanExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for Exporter {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.retain_mut(conventions::translate);
        if batch.is_empty() {
            return Ok(());
        }
        let result = self.otlp.export(batch).await;
        let has_failed = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !has_failed => {
                tracing::warn!(error = %Chain(error), "the collector takes no spans; they are lost until it does");
            }
            Ok(()) if has_failed => tracing::info!("the collector takes spans again"),
            Ok(()) | Err(_) => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(limit)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
