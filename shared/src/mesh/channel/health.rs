//! Whether an instance is worth a call.

use std::time::Duration;

use tokio::time::Instant;

use super::ChannelSettings;

/// Counts the failures in a row of one instance, and ejects it for a growing time when there are too many. When that
/// time is over, one call is let through as a probe: it ends the ejection, or prolongs it.
#[derive(Debug)]
pub(super) struct Health {
    state: State,
    eject_after: u32,
    first: Duration,
    longest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving { failures: u32 },
    Ejected { until: Instant, times: u32 },
    Probing { times: u32 },
}

impl Health {
    pub(super) fn new(settings: &ChannelSettings) -> Self {
        Self {
            state: State::Serving { failures: 0 },
            eject_after: settings.eject_after,
            first: settings.ejection,
            longest: settings.longest_ejection,
        }
    }

    /// Whether it should be given calls.
    pub(super) fn is_serving(&self) -> bool {
        matches!(self.state, State::Serving { .. })
    }

    /// True for the one call that may find out whether the instance is back.
    pub(super) fn claim_probe(&mut self, now: Instant) -> bool {
        match self.state {
            State::Ejected { until, times } if until <= now => {
                self.state = State::Probing { times };
                true
            }
            State::Serving { .. } | State::Ejected { .. } | State::Probing { .. } => false,
        }
    }

    /// A call was answered; true when that ended an ejection.
    pub(super) fn succeeded(&mut self) -> bool {
        let was_ejected = !self.is_serving();
        self.state = State::Serving { failures: 0 };
        was_ejected
    }

    /// A call failed; says for how long the instance is ejected now, if that is new.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Serving { failures } if self.eject_after == 0 || failures + 1 < self.eject_after => {
                self.state = State::Serving { failures: failures.saturating_add(1) };
                None
            }
            State::Serving { .. } => Some(self.eject(now, 0)),
            State::Probing { times } => Some(self.eject(now, times)),
            // Calls that were under way, or came although everybody is ejected: the time is running already.
            State::Ejected { .. } => None,
        }
    }

    /// A call was given up before anything was known. A probe is due again.
    pub(super) fn abandoned(&mut self, now: Instant) {
        if let State::Probing { times } = self.state {
            self.state = State::Ejected { until: now, times };
        }
    }

    fn eject(&mut self, now: Instant, times: u32) -> Duration {
        let pause = self.first.saturating_mul(2_u32.saturating_pow(times)).min(self.longest);
        self.state = State::Ejected { until: now + pause, times: times.saturating_add(1) };
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn health() -> Health {
        let settings = ChannelSettings {
            eject_after: 2,
            ejection: SECOND,
            longest_ejection: SECOND * 5,
            ..ChannelSettings::default()
        };
        Health::new(&settings)
    }

    #[test]
    fn only_failures_in_a_row_eject() {
        let (mut health, now) = (health(), Instant::now());
        for _ in 0..10 {
            assert_eq!(health.failed(now), None);
            assert!(!health.succeeded());
        }
        assert_eq!(health.failed(now), None);
        assert_eq!(health.failed(now), Some(SECOND));
        assert!(!health.is_serving());
        assert!(health.succeeded());
        assert!(health.is_serving());
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_the_longest() {
        let (mut health, mut now) = (health(), Instant::now());
        health.failed(now);
        let mut pause = health.failed(now).unwrap();
        for expected in [2, 4, 5, 5] {
            assert!(!health.claim_probe(now + pause - Duration::from_millis(1)));
            now += pause;
            assert!(health.claim_probe(now));
            assert!(!health.claim_probe(now), "there is one probe at a time");
            pause = health.failed(now).unwrap();
            assert_eq!(pause, SECOND * expected);
        }
    }

    #[test]
    fn failures_of_calls_that_were_under_way_prolong_nothing() {
        let (mut health, now) = (health(), Instant::now());
        health.failed(now);
        assert_eq!(health.failed(now), Some(SECOND));
        assert_eq!(health.failed(now + SECOND / 2), None);
        assert!(health.claim_probe(now + SECOND));
    }

    #[test]
    fn an_abandoned_probe_is_due_again() {
        let (mut health, now) = (health(), Instant::now());
        health.failed(now);
        health.failed(now);
        assert!(health.claim_probe(now + SECOND));
        health.abandoned(now + SECOND);
        assert!(health.claim_probe(now + SECOND));
    }

    #[test]
    fn zero_ejects_never() {
        let settings = ChannelSettings { eject_after: 0, ..ChannelSettings::default() };
        let mut health = Health::new(&settings);
        assert!((0..1000).all(|_| health.failed(Instant::now()).is_none()));
    }
}
