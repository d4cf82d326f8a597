//! What the mesh looked like in the last minutes, for charts and rates. Nobody looks, nothing is asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::operations::{Operations, Overview};
use shared::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::time::Instant;

const PERIOD: Duration = Duration::from_secs(2);
/// For how long samples are taken after somebody looked.
const WATCHED: Duration = Duration::from_secs(300);
/// How many are kept: those of [`SPAN`].
const MOST: usize = 150;
/// How far charts go back, in seconds.
pub const SPAN: f64 = 300.0;
/// Over how many seconds a rate is taken.
const WINDOW: f64 = 10.0;

/// Takes samples while somebody looks. Clones share them.
#[derive(Clone)]
pub struct Sampler(Arc<Inner>);

struct Inner {
    samples: Mutex<Samples>,
    woken: Notify,
}

#[derive(Default)]
struct Samples {
    looked: Option<Instant>,
    ring: VecDeque<Arc<Sample>>,
}

struct Sample {
    at: Instant,
    overview: Overview,
}

/// The samples of the last minutes, oldest first.
pub struct History(Vec<Arc<Sample>>);

/// Values over time: seconds before now, and the value.
pub type Series = Vec<(f64, f64)>;

impl Sampler {
    /// Sleeps until somebody looks.
    pub fn start(operations: Operations, shutdown: &Shutdown) -> Self {
        let sampler = Self(Arc::new(Inner { samples: Mutex::default(), woken: Notify::new() }));
        let (running, stopping) = (sampler.clone(), shutdown.clone());
        shutdown.spawn(async move {
            tokio::select! {
                () = running.run(&operations) => {}
                () = stopping.begun() => {}
            }
        });
        sampler
    }

    /// Somebody looks: samples are taken from now on, for a while.
    pub fn look(&self) -> History {
        let mut samples = self.samples();
        samples.looked = Some(Instant::now());
        self.0.woken.notify_one();
        History(samples.ring.iter().cloned().collect())
    }

    async fn run(&self, operations: &Operations) {
        loop {
            if !self.is_watched() {
                // What comes later does not belong into one chart with it.
                self.samples().ring.clear();
                self.0.woken.notified().await;
            }
            match Box::pin(operations.overview()).await {
                Ok(overview) => self.keep(Sample { at: Instant::now(), overview }),
                Err(error) => tracing::debug!(%error, "no sample of the mesh"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn keep(&self, sample: Sample) {
        let ring = &mut self.samples().ring;
        if ring.len() >= MOST {
            ring.pop_front();
        }
        ring.push_back(Arc::new(sample));
    }

    fn is_watched(&self) -> bool {
        self.samples().looked.is_some_and(|at| at.elapsed() < WATCHED)
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.0.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// A value over time.
    pub fn series(&self, of: impl Fn(&Overview) -> Option<u64>) -> Series {
        let now = Instant::now();
        let value = |sample: &Arc<Sample>| {
            Some((-now.duration_since(sample.at).as_secs_f64(), of(&sample.overview)? as f64))
        };
        self.0.iter().filter_map(value).collect()
    }

    /// How fast a number grows over time.
    pub fn rates(&self, of: impl Fn(&Overview) -> Option<u64>) -> Series {
        self.series(of).windows(2).map(|pair| (pair[1].0, growth(pair[0], pair[1]))).collect()
    }

    /// How fast a number grows now, each second; nothing until that was seen.
    pub fn rate(&self, of: impl Fn(&Overview) -> Option<u64>) -> Option<f64> {
        let series = self.series(of);
        let last = *series.last()?;
        let first = *series.iter().find(|(at, _)| last.0 - at <= WINDOW)?;
        (first.0 < last.0).then(|| growth(first, last))
    }
}

/// A number that shrinks was counted anew.
fn growth(from: (f64, f64), to: (f64, f64)) -> f64 {
    ((to.1 - from.1) / (to.0 - from.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(backlogs: &[u64]) -> History {
        let (now, last) = (Instant::now(), backlogs.len() - 1);
        let sample = |(at, outbox): (usize, &u64)| {
            let overview = Overview {
                instances: Vec::new(),
                missing: Vec::new(),
                streams: Vec::new(),
                consumers: Vec::new(),
                outbox: *outbox,
                dead_letters: 0,
            };
            Arc::new(Sample { at: now - PERIOD * u32::try_from(last - at).unwrap(), overview })
        };
        History(backlogs.iter().enumerate().map(sample).collect())
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let outbox = |overview: &Overview| Some(overview.outbox);
        let grows = history(&[0, 1000, 1000, 1000, 1000, 1000, 1010]);
        assert_eq!(grows.rate(outbox).map(f64::round), Some(1.0));
        assert_eq!(grows.rates(outbox).len(), 6);
        assert_eq!(history(&[7]).rate(outbox), None);
        assert_eq!(history(&[9, 2]).rate(outbox), Some(0.0), "counted anew");
    }

    #[tokio::test(start_paused = true)]
    async fn samples_are_bounded() {
        let sampler = Sampler(Arc::new(Inner { samples: Mutex::default(), woken: Notify::new() }));
        assert!(!sampler.is_watched());
        assert!(sampler.look().0.is_empty() && sampler.is_watched());
        for number in 0..MOST as u64 + 10 {
            let overview = history(&[number]).0.remove(0).overview.clone();
            sampler.keep(Sample { at: Instant::now(), overview });
        }
        let kept = sampler.look().0;
        assert_eq!((kept.len(), kept[0].overview.outbox), (MOST, 10));
        tokio::time::advance(WATCHED).await;
        assert!(!sampler.is_watched());
    }
}
