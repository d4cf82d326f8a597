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
    /// Milliseconds.
    pub(crate) p999: f64,
    pub(crate) calls: usize,
}

impl Sample {
    pub(crate) fn of(latencies: &[f64], elapsed: Duration) -> Self {
        let rate = latencies.len() as f64 / elapsed.as_secs_f64();
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| quantile(latencies, part));
        Self { rate, p50, p99, p999, calls: latencies.len() }
    }

    /// The run with the median rate.
    pub(crate) fn median(mut samples: Vec<Self>) -> Self {
        samples.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        samples.swap_remove(samples.len() / 2)
    }
}

/// The value that this part of the values does not exceed; zero when there are none.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len() as f64 - 1.0) * part) as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// Milliseconds since `began`.
pub(crate) fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

/// Calls on all of `connections` at once for `duration`.
pub(crate) async fn run<C: Connection>(connections: Vec<C>, duration: Duration) -> Result<Sample, BoxError> {
    let began = Instant::now();
    let tasks = connections.into_iter().map(|connection| tokio::spawn(call_for(connection, duration)));
    let mut latencies = Vec::new();
    for task in try_join_all(tasks).await? {
        latencies.extend(task?);
    }
    Ok(Sample::of(&latencies, began.elapsed()))
}

async fn call_for<C: Connection>(mut connection: C, duration: Duration) -> Result<Vec<f64>, BoxError> {
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < duration {
        let called = Instant::now();
        connection.call().await?;
        latencies.push(milliseconds(called));
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 0.5, 0.99, 0.999, 1.0].map(|part| quantile(&values, part)),
            [1.0, 500.0, 990.0, 999.0, 1000.0]
        );
        assert_eq!(quantile(&[3.0], 0.999), 3.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_sample_counts_what_was_answered_a_second() {
        let sample = Sample::of(&[1.0, 2.0, 3.0, 4.0], Duration::from_secs(2));
        assert_eq!((sample.calls, sample.rate, sample.p50), (4, 2.0, 2.0));
    }

    #[test]
    fn the_median_sample_is_the_one_with_the_median_rate() {
        let of = |rate| Sample { rate, p50: rate, p99: 0.0, p999: 0.0, calls: 1 };
        assert_eq!(Sample::median(vec![of(3.0), of(1.0), of(2.0)]).p50, 2.0);
    }
}
