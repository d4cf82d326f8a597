//! Counting calls, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Calls, Health};

#[derive(Debug, Default)]
pub(super) struct Counter {
    total: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU64,
    micros: AtomicU64,
}

impl Counter {
    pub(super) fn read(&self) -> Calls {
        let micros = self.micros.load(Ordering::Relaxed);
        Calls {
            total: self.total.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            seconds: micros as f64 / 1e6,
        }
    }
}

/// A request or RPC under way. One that is dropped before it is answered was given up by its caller: it counts no more.
#[must_use]
pub struct Call {
    health: Health,
    began: Instant,
}

impl Call {
    pub(super) fn begin(health: Health) -> Self {
        health.counter().in_flight.fetch_add(1, Ordering::Relaxed);
        Self { health, began: Instant::now() }
    }

    /// It has its answer, which is a failure of ours or not: see [`Calls::failed`].
    pub fn answered(self, failed: bool) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let counter = self.health.counter();
        counter.total.fetch_add(1, Ordering::Relaxed);
        counter.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
        counter.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.health.counter().in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
