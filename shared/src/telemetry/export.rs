//! Sends spans to a collector, beside everything else that happens and never in its way.
//!
//! Ended spans wait in a queue of bounded length for a task that sends them in batches; what does not fit is dropped.
//!
//! OpenTelemetry's own processor and exporter would do, and take more of the processor: they hand each span with its two
//! dozen pieces of memory to another thread, which copies all of them and gives them back to an allocator that is not
//! theirs. Here a span is encoded where it ends, and is one piece from then on.

mod queue;
mod sender;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::transport::{ClientTlsConfig, Endpoint};

use self::queue::{Ended, Queue};
use self::sender::Sender;
use super::TraceSettings;
use crate::shutdown::Shutdown;
use crate::{Error, id};

/// How long a connection to the collector may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Of this process, when it exports.
static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    shutdown: Shutdown,
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
    let mut collector = collector.connect_timeout(CONNECT_LIMIT);
    if settings.collector.scheme_str() == Some("https") {
        let tls = ClientTlsConfig::new().with_native_roots();
        collector = collector.tls_config(tls).map_err(Error::internal)?;
    }
    let instance = id::new_id();
    let resource = Resource::builder().with_service_name(service).with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance.clone()),
    ]);
    let resource = resource.build();
    let queue = Arc::new(Queue::new(settings.queue));
    let headers = settings.headers.iter().cloned().collect();
    let sender = Sender::new(collector.connect_lazy(), headers, service, &resource);
    let shutdown = Shutdown::default();
    shutdown.spawn(sender.run(queue.clone(), shutdown.clone()));
    let provider = SdkTracerProvider::builder()
        .with_sampler(settings.sampler.clone())
        .with_resource(resource)
        .with_span_processor(Ended(queue))
        .build();
    // A second start in one process, as in tests, exports beside the first.
    let _ = EXPORT.set(Export { shutdown, instance });
    Ok(provider)
}

/// Sends what waits, and nothing more afterwards: at the end of a process, and for no longer than `limit`.
pub async fn finish(limit: Duration) {
    let Some(Export { shutdown, .. }) = EXPORT.get() else { return };
    if !shutdown.finish(limit).await {
        tracing::warn!("some spans were not sent in time");
    }
}
