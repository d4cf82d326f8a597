//! Numbers for operators, at `/metrics` in the text format of Prometheus, and beside them `/livez` and `/readyz`.
//!
//! Code counts with the macros of the crate `metrics`, which do nothing where nobody asked for numbers. A process serves
//! them on an address of its own, which no client of the mesh reaches, when `METRICS_ADDR` is set.

#[cfg(test)]
mod deployed;
pub mod names;
mod process;

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::Error;
use crate::health::{self, Health};

/// Upper ends, in seconds, of what histograms of durations are counted in.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0, 60.0];

/// How often histograms take in what was measured, so that it does not pile up when nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process: what was counted before the first one is lost, and a second one is not possible.
static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// Keeps what this process counts from now on.
///
/// # Errors
/// When something else keeps it already.
pub fn keep() -> Result<(), Error> {
    recorder().map(drop)
}

fn recorder() -> Result<PrometheusHandle, Error> {
    RECORDER.get_or_init(record).clone().map_err(Error::internal)
}

/// Serves what this process counts, and how it is, until it ends. Port 0 takes a free one; the answer is where it serves.
///
/// # Errors
/// When the address is in use.
pub async fn serve(listen: SocketAddr, health: &Health) -> Result<SocketAddr, Error> {
    let recorder = recorder()?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Error::internal(format!("METRICS_ADDR {listen} cannot be listened on: {error}")))?;
    let address = listener.local_addr().map_err(Error::internal)?;
    tokio::spawn(take_in(recorder.clone()));
    let answer = async move || {
        process::collect();
        ([(CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render())
    };
    let router = Router::new().route("/metrics", get(answer)).merge(health::probes(health.clone()));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    });
    tracing::info!(%address, "metrics are served");
    Ok(address)
}

/// Whether anybody asked for numbers. What has to be looked up to be counted need not be, otherwise.
pub fn are_served() -> bool {
    matches!(RECORDER.get(), Some(Ok(_)))
}

fn record() -> Result<PrometheusHandle, String> {
    let build = || -> Result<_, BuildError> {
        let builder = PrometheusBuilder::new();
        Ok(builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?.build_recorder())
    };
    let recorder = build().map_err(|error| error.to_string())?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    names::describe();
    metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// What would be served now; numbers are kept from the first time on.
#[cfg(test)]
pub(crate) fn rendered() -> String {
    RECORDER.get_or_init(record).as_ref().map(PrometheusHandle::render).unwrap_or_default()
}

async fn take_in(recorder: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        recorder.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn scraped(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn what_is_counted_can_be_scraped() {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let health = Health::default();
        let address = serve(free, &health).await.unwrap();
        metrics::counter!("turns_total", "kind" => "test").increment(2);
        metrics::histogram!("turn_seconds").record(0.3);
        let page = scraped(address).await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/plain; version=0.0.4"), "{page}");
        assert!(page.contains("turns_total{kind=\"test\"} 2"), "{page}");
        assert!(page.contains("turn_seconds_bucket{le=\"0.5\"} 1"), "{page}");

        // Everything in one process counts together, wherever it is asked for.
        let again = serve(free, &health).await.unwrap();
        assert!(scraped(again).await.contains("turns_total"));
        assert!(serve(address, &health).await.is_err(), "an address in use is an error");
    }
}
