//! A circuit breaker: a provider that fails again and again is left alone for a while, so that users hear at once that
//! there is no answer, and the provider can recover.
//!
//! It is ours since the crates there are wrap one future and decide by its error: here one call is many attempts, a
//! refusal is no failure, and a caller who goes away in the middle must leave no trace.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::meter;

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one call is let through to try.
    pub cool_down: Duration,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self { failures: 5, cool_down: Duration::from_secs(30) }
    }
}

/// The circuit to one provider.
#[derive(Debug)]
pub(super) struct Circuit {
    settings: CircuitSettings,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls go through; so many have failed in a row.
    Closed { failures: u32 },
    /// No call goes through until then.
    Open { until: Instant },
    /// One call is on its way to try.
    HalfOpen,
}

/// A call that may be made. Dropped without a result, it counts for nothing.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    circuit: &'a Circuit,
    is_trial: bool,
    is_settled: bool,
}

impl Circuit {
    pub(super) fn new(settings: CircuitSettings) -> Self {
        meter::circuit_is_open(false);
        Self { settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&self, now: Instant) -> Option<Pass<'_>> {
        let mut state = self.state();
        let is_trial = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now >= until => true,
            State::Open { .. } | State::HalfOpen => return None,
        };
        if is_trial {
            *state = State::HalfOpen;
        }
        Some(Pass { circuit: self, is_trial, is_settled: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, state: &mut State, until: Instant) {
        *state = State::Open { until };
        meter::circuit_is_open(true);
        tracing::warn!("the models fail again and again and are left alone for a while");
    }
}

impl Pass<'_> {
    /// The provider answered, be it with a refusal.
    pub(super) fn succeeded(mut self) {
        self.is_settled = true;
        let mut state = self.circuit.state();
        match *state {
            State::HalfOpen if self.is_trial => {
                *state = State::Closed { failures: 0 };
                meter::circuit_is_open(false);
                tracing::info!("the models answer again");
            }
            State::Closed { .. } => *state = State::Closed { failures: 0 },
            // A call from before the circuit opened says nothing of now.
            State::HalfOpen | State::Open { .. } => {}
        }
    }

    /// The provider did not answer.
    pub(super) fn failed(mut self, now: Instant) {
        self.is_settled = true;
        let CircuitSettings { failures: most, cool_down } = self.circuit.settings;
        let mut state = self.circuit.state();
        match *state {
            State::HalfOpen if self.is_trial => self.circuit.open(&mut state, now + cool_down),
            State::Closed { failures } if failures + 1 >= most => {
                self.circuit.open(&mut state, now + cool_down)
            }
            State::Closed { failures } => *state = State::Closed { failures: failures + 1 },
            State::HalfOpen | State::Open { .. } => {}
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_trial && !self.is_settled {
            // Nobody knows how the trial went: the next call is one.
            *self.circuit.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(30);

    fn circuit() -> Circuit {
        Circuit::new(CircuitSettings { failures: 2, cool_down: COOL_DOWN })
    }

    fn fail(circuit: &Circuit, now: Instant) {
        circuit.admit(now).unwrap().failed(now);
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_starts_again() {
        let (circuit, now) = (circuit(), Instant::now());
        fail(&circuit, now);
        circuit.admit(now).unwrap().succeeded();
        fail(&circuit, now);
        assert!(circuit.admit(now).is_some());
        fail(&circuit, now);
        assert!(circuit.admit(now).is_none());
    }

    #[test]
    fn after_the_cool_down_one_call_tries_and_decides() {
        let (circuit, now) = (circuit(), Instant::now());
        fail(&circuit, now);
        fail(&circuit, now);
        assert!(circuit.admit(now + COOL_DOWN / 2).is_none());

        let later = now + COOL_DOWN;
        let trial = circuit.admit(later).unwrap();
        assert!(circuit.admit(later).is_none(), "one call tries at a time");
        trial.failed(later);
        assert!(circuit.admit(later).is_none(), "a failed trial opens it again");

        circuit.admit(later + COOL_DOWN).unwrap().succeeded();
        assert!(circuit.admit(later + COOL_DOWN).is_some());
        fail(&circuit, later + COOL_DOWN);
        assert!(circuit.admit(later + COOL_DOWN).is_some(), "it counts from the beginning");
    }

    #[test]
    fn a_trial_that_nobody_waited_for_leaves_the_next_call_to_try() {
        let (circuit, now) = (circuit(), Instant::now());
        fail(&circuit, now);
        fail(&circuit, now);
        drop(circuit.admit(now + COOL_DOWN).unwrap());
        assert!(circuit.admit(now + COOL_DOWN).is_some());
    }

    #[test]
    fn a_call_from_before_does_not_close_an_open_circuit() {
        let (circuit, now) = (circuit(), Instant::now());
        let slow = circuit.admit(now).unwrap();
        fail(&circuit, now);
        fail(&circuit, now);
        slow.succeeded();
        assert!(circuit.admit(now).is_none());
    }
}
