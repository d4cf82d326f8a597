//! A closed loop: every connection sends its next call when the answer to the last one is there.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use crate::BoxError;

/// One connection that can be asked again and again.
pub(crate) trait Connection: Send + 'static {
    /// One call; an answer that is not a success is an error, so that failures are never counted as speed.
    fn call(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// What one run measured.
pub(crate) struct Sample {
    /// Calls a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

impl Sample {
    fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        let quantile = |part: f64| {
            let index = ((latencies.len() as f64 - 1.0) * part) as usize;
            latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Self { rate: latencies.len() as f64 / elapsed.as_secs_f64(), p50: quantile(0.5), p99: quantile(0.99) }
    }

    /// The run with the median rate.
    pub(crate) fn median(mut samples: Vec<Self>) -> Self {
        samples.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        samples.swap_remove(samples.len() / 2)
    }
}

/// Opens `connections` connections and calls on all of them for `duration`.
pub(crate) async fn run<C: Connection>(
    connections: usize,
    duration: Duration,
    connect: impl AsyncFn() -> Result<C, BoxError>,
) -> Result<Sample, BoxError> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(connect().await?);
    }
    let began = Instant::now();
    let tasks: Vec<_> =
        opened.into_iter().map(|connection| tokio::spawn(call_for(connection, duration))).collect();
    let mut latencies = Vec::new();
    for task in try_join_all(tasks).await? {
        latencies.extend(task?);
    }
    Ok(Sample::of(latencies, began.elapsed()))
}

async fn call_for<C: Connection>(mut connection: C, duration: Duration) -> Result<Vec<Duration>, BoxError> {
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < duration {
        let called = Instant::now();
        connection.call().await?;
        latencies.push(called.elapsed());
    }
    Ok(latencies)
}
