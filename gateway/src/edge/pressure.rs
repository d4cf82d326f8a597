//! Refuses requests while this gateway has more to do than it can, before anything was done for them.
//!
//! Whether it has shows in how long a task that could run has to wait until it does. A fixed number of requests would not
//! tell: a thousand that wait for a model are little work, and fifty that read a profile may be too much.

mod valve;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
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
/// Timers count whole milliseconds, which makes nothing late.
const GRAIN: Duration = Duration::from_millis(1);
/// How long clients should wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Those who look after the gateway come through.
const SPARED: [&str; 3] = ["/livez", "/readyz", "/ops"];

/// How much of what comes is let through, and what has come.
pub struct Pressure {
    /// Of `u32::MAX`.
    share: AtomicU32,
    /// Goes round once for each of a share that is let through.
    turn: AtomicU32,
    /// For how many requests at once there is room, and for how many while work waits.
    room: AtomicUsize,
    least_room: AtomicUsize,
    /// Until when, in microseconds since it began, it is known that work does not wait.
    timely_until: AtomicU64,
    began: Instant,
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
        let zero = AtomicUsize::default;
        Self {
            share: AtomicU32::new(share),
            turn: AtomicU32::new(rand::random()),
            room: AtomicUsize::new(room),
            least_room: AtomicUsize::new(room),
            timely_until: AtomicU64::new(u64::MAX),
            began: Instant::now(),
            in_flight: zero(),
            peak: zero(),
            arrived: zero(),
            answered: zero(),
            refused: measure::shed("work"),
        }
    }

    async fn look(&self, limit: Duration) {
        let mut valve = Valve::new(limit);
        loop {
            let (began, mut looks, mut late) = (Instant::now(), 0, Duration::ZERO);
            while began.elapsed() < WINDOW {
                let due = Instant::now() + LOOK;
                sleep_until(due).await;
                let this = due.elapsed().saturating_sub(GRAIN);
                let timely = self.began.elapsed() + LOOK + GRAIN + limit;
                // Until the next look tells otherwise, work waits for as long as it did.
                let until = if this > limit { 0 } else { timely.as_micros() as u64 };
                self.timely_until.store(until, Relaxed);
                late += this;
                looks += 1;
            }
            let late = late / looks;
            let was_all = valve.admits_all();
            valve.turn(&Seen {
                lateness: late.as_secs_f64() / limit.as_secs_f64(),
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
            self.least_room.store(valve.least_room(), Relaxed);
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
        if !self.has_turn() {
            return None;
        }
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        if !self.has_room_for(in_flight) {
            self.in_flight.fetch_sub(1, Relaxed);
            return None;
        }
        self.peak.fetch_max(in_flight, Relaxed);
        Some(Admitted(Some(self)))
    }

    /// Whether a request belongs to the share that is let through. They are spread over those that come, since such as come
    /// together wait for each other; and by chance, so that nobody is refused again and again.
    fn has_turn(&self) -> bool {
        let share = self.share.load(Relaxed);
        if share == u32::MAX {
            return true;
        }
        let chance = share.min(u32::MAX - share);
        let step = share - chance + rand::random_range(0..=chance) * 2;
        self.turn.fetch_add(step, Relaxed).checked_add(step).is_none()
    }

    fn has_room_for(&self, in_flight: usize) -> bool {
        let is_timely = || self.began.elapsed().as_micros() < self.timely_until.load(Relaxed).into();
        in_flight <= self.room.load(Relaxed) && (in_flight <= self.least_room.load(Relaxed) || is_timely())
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

    const HALF: u32 = u32::MAX / 2;

    #[test]
    fn a_share_of_the_requests_is_let_through_and_they_are_spread() {
        assert_eq!(admitted(&Pressure::admitting(u32::MAX, usize::MAX), 10_000), 10_000);
        for tenths in 0..10 {
            let pressure = Pressure::admitting(u32::MAX / 10 * tenths, usize::MAX);
            let expected = 10 * tenths as usize;
            for _ in 0..100 {
                let admitted = admitted(&pressure, 100);
                assert!(expected.abs_diff(admitted) < 20, "{admitted} of {expected}");
            }
        }
    }

    fn admitted(pressure: &Pressure, of: usize) -> usize {
        (0..of).filter(|_| pressure.enter().is_some()).count()
    }

    #[test]
    fn nobody_is_refused_again_and_again() {
        let pressure = Pressure::admitting(HALF, usize::MAX);
        // Two that take turns.
        let let_in: Vec<_> = (0..2000).map(|_| pressure.enter().is_some()).collect();
        let of_one = let_in.iter().step_by(2).filter(|is_let_in| **is_let_in).count();
        assert!((400..600).contains(&of_one), "{of_one}");
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

    #[test]
    fn there_is_less_room_while_work_waits() {
        let pressure = Pressure::admitting(u32::MAX, 2);
        pressure.least_room.store(1, Relaxed);
        // It waited when it was looked, or it is not known any more.
        for until in [0, pressure.began.elapsed().as_micros() as u64] {
            pressure.timely_until.store(until, Relaxed);
            let _first = pressure.enter().unwrap();
            assert!(pressure.enter().is_none());
            pressure.timely_until.store(u64::MAX, Relaxed);
            assert!(pressure.enter().is_some());
        }
    }
}
