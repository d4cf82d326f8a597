//! Refuses requests while this gateway has more to do than it can, before anything was done for them.
//!
//! Whether it has shows in how long a task that could run has to wait until it does. A fixed number of requests would not
//! tell: a thousand that wait for a model are little work, and fifty that read a profile may be too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use metrics::Counter;
use shared::shutdown::Shutdown;
use tokio::time::{Instant, sleep_until};

use crate::envelope::ApiError;
use crate::measure;

/// How often it is looked whether a timer comes late, and how often something changes.
const LOOK: Duration = Duration::from_millis(10);
const WINDOW: Duration = Duration::from_millis(100);
/// What is let through, of all: never nothing, or nobody would see that it is over.
const ALL: f64 = 1.0;
const FEWEST: f64 = 0.02;
/// How much fewer are let through after a window in which there was too much to do, and how much more after another.
const FEWER: f64 = 0.7;
const MORE: f64 = 1.05;
/// After so many others in a row it is over, and it may go faster. While it lasts, fewer make good for one with too much.
const OVER: u32 = 10;
const MUCH_MORE: f64 = 1.3;
/// How long clients should wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Those who look after the gateway come through.
const SPARED: [&str; 3] = ["/livez", "/readyz", "/ops"];

/// How much of what comes is let through: a share of all.
pub struct Pressure {
    share: AtomicU32,
    refused: Counter,
}

impl Pressure {
    /// Looks until `shutdown` begins; never, with a limit of zero.
    pub fn watch(limit: Duration, shutdown: &Shutdown) -> Arc<Self> {
        let pressure = Arc::new(Self::admitting(u32::MAX));
        measure::admitted(ALL);
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

    /// Lets through so many of `u32::MAX`.
    fn admitting(share: u32) -> Self {
        Self { share: AtomicU32::new(share), refused: measure::shed("work") }
    }

    async fn look(&self, limit: Duration) {
        let mut valve = Valve::default();
        loop {
            let (began, mut looks) = (Instant::now(), Vec::new());
            while began.elapsed() < WINDOW {
                let due = Instant::now() + LOOK;
                sleep_until(due).await;
                // That timers count whole milliseconds does not make anything late.
                looks.push(due.elapsed().saturating_sub(Duration::from_millis(1)));
            }
            // Half of them were as late: one of them may be by chance.
            let middle = looks.len() / 2;
            let late = *looks.select_nth_unstable(middle).1;
            let before = valve.share;
            valve.turn(late > limit);
            if before == ALL && valve.share < ALL {
                tracing::warn!(?late, "more to do than this gateway can: some requests are refused");
            } else if before < ALL && valve.share == ALL {
                tracing::info!("no requests are refused any more");
            }
            measure::admitted(valve.share);
            self.share.store((valve.share * f64::from(u32::MAX)) as u32, Ordering::Relaxed);
        }
    }

    /// Refuses what is too much.
    ///
    /// # Errors
    /// 503.
    pub fn relieve(&self, request: &Request) -> Result<(), ApiError> {
        if self.admits() || SPARED.iter().any(|path| request.uri().path().starts_with(path)) {
            return Ok(());
        }
        self.refused.increment(1);
        let message = "there is too much to do at the moment";
        let refusal = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "E50301", message);
        Err(refusal.retry_after(Some(RETRY_AFTER)))
    }

    /// Whether the next request is one that is let through: by chance, so that nobody is refused again and again.
    fn admits(&self) -> bool {
        rand::random::<u32>() <= self.share.load(Ordering::Relaxed)
    }
}

/// Lets through a share, which changes after each window.
struct Valve {
    share: f64,
    was_late: bool,
    /// Windows in a row that were not.
    in_time: u32,
}

impl Default for Valve {
    fn default() -> Self {
        Self { share: ALL, was_late: false, in_time: 0 }
    }
}

impl Valve {
    /// After a window in which most looks were late, or not. One window is chance: the machine may have stood still.
    fn turn(&mut self, is_late: bool) {
        if is_late && self.was_late {
            self.share = (self.share * FEWER).max(FEWEST);
        } else if !is_late {
            let more = if self.in_time < OVER { MORE } else { MUCH_MORE };
            self.share = (self.share * more).min(ALL);
        }
        self.in_time = if is_late { 0 } else { self.in_time.saturating_add(1) };
        self.was_late = is_late;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_let_through_while_there_is_too_much_and_all_soon_after() {
        let mut valve = Valve::default();
        for is_late in [true, false, true, false] {
            valve.turn(is_late);
            assert_eq!(valve.share, ALL, "one late window is chance");
        }
        (0..6).for_each(|_| valve.turn(true));
        assert!(valve.share < 0.2, "{} after half a second", valve.share);
        (0..100).for_each(|_| valve.turn(true));
        assert_eq!(valve.share, FEWEST);
        (0..4).for_each(|_| valve.turn(false));
        assert!(valve.share < FEWEST * 1.5, "{} as long as it may go on", valve.share);
        (0..21).for_each(|_| valve.turn(false));
        assert_eq!(valve.share, ALL, "within three seconds");
    }

    #[test]
    fn a_share_of_the_requests_is_let_through() {
        let admitted = |share| {
            let pressure = Pressure::admitting(share);
            (0..10_000).filter(|_| pressure.admits()).count()
        };
        assert_eq!(admitted(u32::MAX), 10_000);
        assert!((500..1500).contains(&admitted(u32::MAX / 10)));
    }
}
