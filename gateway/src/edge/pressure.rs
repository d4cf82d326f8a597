//! Refuses requests while this gateway has more to do than it can, before anything was done for them.
//!
//! Whether it has shows in how long a task that could run has to wait until it does. A fixed number of requests would not
//! tell: a thousand that wait for a model are little work, and fifty that read a profile may be too much.

mod valve;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use metrics::Counter;
use shared::shutdown::Shutdown;
use tokio::time::{Instant, sleep_until};

use crate::envelope::ApiError;
use crate::measure;
use valve::{Seen, Valve};

/// How often it is looked whether a timer comes late, and how often something changes.
const LOOK: Duration = Duration::from_millis(5);
const WINDOW: Duration = Duration::from_millis(100);
/// How long clients should wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Those who look after the gateway come through.
const SPARED: [&str; 3] = ["/livez", "/readyz", "/ops"];

/// How much of what comes is let through, and what has come.
pub struct Pressure {
    /// Of `u32::MAX`.
    share: AtomicU32,
    /// For how many requests at once there is room.
    room: AtomicUsize,
    in_flight: AtomicUsize,
    /// In this window: the most at once, how many came, and how many of those before were answered.
    peak: AtomicUsize,
    arrived: AtomicUsize,
    answered: AtomicUsize,
    refused: Counter,
}

impl Pressure {
    /// Looks until `shutdown` begins; never, with a limit of zero.
    pub fn watch(limit: Duration, shutdown: &Shutdown) -> Arc<Self> {
        let pressure = Arc::new(Self::admitting(u32::MAX, usize::MAX));
        measure::admitted(1.0);
        if !limit.is_zero() {
            let (looking, ending) = (pressure.clone(), shutdown.clone());
            shutdown.spawn(async move {
                tokio::select! {
                    () = looking.look(limit) => {}
                    () = ending.begun() => {}
                }
            });
        }
        pressure
    }

    /// Lets through so many of `u32::MAX`, and as many at once as there is room for.
    fn admitting(share: u32, room: usize) -> Self {
        let [in_flight, peak, arrived, answered] = [(); 4].map(|()| AtomicUsize::default());
        let (share, room) = (AtomicU32::new(share), AtomicUsize::new(room));
        Self { share, room, in_flight, peak, arrived, answered, refused: measure::shed("work") }
    }

    async fn look(&self, limit: Duration) {
        let mut valve = Valve::default();
        loop {
            let (began, mut looks, mut late) = (Instant::now(), 0, Duration::ZERO);
            while began.elapsed() < WINDOW {
                let due = Instant::now() + LOOK;
                sleep_until(due).await;
                // That timers count whole milliseconds does not make anything late.
                late += due.elapsed().saturating_sub(Duration::from_millis(1));
                looks += 1;
            }
            let late = late / looks;
            let was_all = valve.admits_all();
            valve.turn(&Seen {
                is_late: late > limit,
                windows: began.elapsed().as_secs_f64() / WINDOW.as_secs_f64(),
                arrived: self.arrived.swap(0, Relaxed),
                answered: self.answered.swap(0, Relaxed),
                peak: self.peak.swap(self.in_flight.load(Relaxed), Relaxed),
            });
            if was_all && !valve.admits_all() {
                tracing::warn!(?late, "more to do than this gateway can: some requests are refused");
            } else if !was_all && valve.admits_all() {
                tracing::info!("no requests are refused any more");
            }
            measure::admitted(valve.share());
            self.share.store((valve.share() * f64::from(u32::MAX)) as u32, Relaxed);
            self.room.store(valve.room(), Relaxed);
        }
    }

    /// Lets a request of this path in, unless it is too much. It is in flight until what this returns is dropped.
    pub fn admit(&self, path: &str) -> Option<Admitted<'_>> {
        if SPARED.iter().any(|spared| path.starts_with(spared)) {
            return Some(Admitted(None));
        }
        let admitted = self.enter();
        if admitted.is_none() {
            self.refused.increment(1);
        }
        admitted
    }

    /// What those are told that are not let in: 503.
    pub fn refusal() -> ApiError {
        let message = "there is too much to do at the moment";
        let refusal = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "E50301", message);
        refusal.retry_after(Some(RETRY_AFTER))
    }

    fn enter(&self) -> Option<Admitted<'_>> {
        self.arrived.fetch_add(1, Relaxed);
        // By chance, so that nobody is refused again and again.
        if rand::random::<u32>() > self.share.load(Relaxed) {
            return None;
        }
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        if in_flight > self.room.load(Relaxed) {
            self.in_flight.fetch_sub(1, Relaxed);
            return None;
        }
        self.peak.fetch_max(in_flight, Relaxed);
        Some(Admitted(Some(self)))
    }
}

/// A request that was let in.
pub struct Admitted<'a>(Option<&'a Pressure>);

impl Admitted<'_> {
    /// It was answered with this status: one more that was done, unless somebody else had too much to do for it.
    pub fn answered(self, status: StatusCode) {
        if let Some(pressure) = self.0.filter(|_| status != StatusCode::SERVICE_UNAVAILABLE) {
            pressure.answered.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(pressure) = self.0 {
            pressure.in_flight.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_requests_is_let_through() {
        let admitted = |share| {
            let pressure = Pressure::admitting(share, usize::MAX);
            (0..10_000).filter(|_| pressure.enter().is_some()).count()
        };
        assert_eq!(admitted(u32::MAX), 10_000);
        assert!((500..1500).contains(&admitted(u32::MAX / 10)));
    }

    #[test]
    fn no_more_are_let_in_at_once_than_there_is_room_for() {
        let pressure = Pressure::admitting(u32::MAX, 2);
        let [first, _second] = [(); 2].map(|()| pressure.enter().unwrap());
        assert!(pressure.enter().is_none());
        drop(first);
        let _third = pressure.enter().unwrap();
        assert!(pressure.enter().is_none());
    }
}
