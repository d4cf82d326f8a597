//! For how many calls a service has room, judged by how long it takes to answer.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use metrics::Gauge;
use tokio::time::Instant;

/// How many times longer than usual a service takes that is asked too much.
const SLOW: f64 = 3.0;
/// How long it is looked before something changes, and at how many answers at least.
const WINDOW: Duration = Duration::from_millis(100);
const ANSWERS: usize = 10;
/// How fast a shorter time becomes the usual one, in a window.
const SOONER: f64 = 0.2;
/// How fast a longer one does, in a second: so slowly that an overload does not come to be usual before it is over.
const LATER: f64 = 1.005;

/// While there is less room than usual, so many times fewer of the calls that wait for others may be at work at once.
const PATIENT: usize = 4;
/// How long such a call is taken to be at work itself, unless it ends sooner.
const WORK: Duration = Duration::from_secs(1);

/// Room for calls. It shrinks when answers take much longer than usual, because then calls only wait for each other, and
/// grows again when they do not.
pub(super) struct Room {
    /// Nothing is learnt from a service that is asked nothing.
    fewest: usize,
    most: usize,
    limit: usize,
    /// Tells operators the limit.
    gauge: Gauge,
    in_flight: usize,
    /// The most calls in this window.
    peak: usize,
    answers: usize,
    since: Instant,
    methods: HashMap<String, Pace>,
    /// When those calls began that wait for others, and may still be at work themselves: the oldest first.
    patient: VecDeque<Instant>,
}

/// How long a method takes.
#[derive(Default)]
struct Pace {
    usual: Option<f64>,
    /// In this window.
    seconds: f64,
    answers: f64,
}

impl Room {
    /// For `most` calls, as long as nothing else is known, and never for less than `fewest`.
    pub(super) fn new(fewest: usize, most: usize, gauge: Gauge, now: Instant) -> Self {
        gauge.set(most as f64);
        let (limit, methods, patient) = (most, HashMap::new(), VecDeque::new());
        Self { fewest, most, limit, gauge, in_flight: 0, peak: 0, answers: 0, since: now, methods, patient }
    }

    /// Begins a call.
    ///
    /// # Errors
    /// For how many there is room, when those are in flight.
    pub(super) fn enter(&mut self) -> Result<(), usize> {
        if self.in_flight >= self.limit {
            return Err(self.limit);
        }
        self.in_flight += 1;
        self.peak = self.peak.max(self.in_flight);
        Ok(())
    }

    /// Ends one.
    pub(super) fn leave(&mut self) {
        self.in_flight -= 1;
    }

    /// Begins a call that waits for somebody else, such as a model. How long it takes tells nothing, and it takes no place
    /// from others; but it has work of its own, and a service that is asked too much would do that for ever more of them at
    /// once, and ever more slowly.
    ///
    /// # Errors
    /// How many may be at work, when those are.
    pub(super) fn enter_patiently(&mut self, now: Instant) -> Result<(), usize> {
        while self.patient.front().is_some_and(|began| now.saturating_duration_since(*began) >= WORK) {
            self.patient.pop_front();
        }
        let limit = (self.limit / PATIENT).max(1);
        if self.limit < self.most && self.patient.len() >= limit {
            return Err(limit);
        }
        self.patient.push_back(now);
        Ok(())
    }

    /// Ends one that began then.
    pub(super) fn leave_patiently(&mut self, began: Instant) {
        if let Ok(place) = self.patient.binary_search(&began) {
            self.patient.remove(place);
        }
    }

    /// A call of this method was answered, after so long.
    pub(super) fn answered(&mut self, method: &str, took: Duration, now: Instant) {
        if !self.methods.contains_key(method) {
            self.methods.insert(method.to_owned(), Pace::default());
        }
        if let Some(pace) = self.methods.get_mut(method) {
            pace.seconds += took.as_secs_f64();
            pace.answers += 1.0;
        }
        self.answers += 1;
        let window = now.saturating_duration_since(self.since);
        if self.answers >= ANSWERS && window >= WINDOW {
            self.judge(window);
            (self.peak, self.answers, self.since) = (self.in_flight, 0, now);
        }
    }

    fn judge(&mut self, window: Duration) {
        let later = LATER.powf(window.as_secs_f64().min(1.0));
        let (mut took, mut usual) = (0.0, 0.0);
        for pace in self.methods.values_mut().filter(|pace| pace.answers > 0.0) {
            took += pace.seconds;
            usual += pace.expect(later);
        }
        let slower = took / usual;
        if slower <= SLOW || !slower.is_finite() {
            self.limit = (self.limit + (self.limit / 10).max(1)).min(self.most);
        } else if self.peak > self.fewest {
            // Each call waits for those before it: with fewer of them it takes less long in the same measure.
            let share = (SLOW / slower).max(0.5);
            let fewer = ((self.peak as f64 * share) as usize).max(self.fewest);
            self.limit = self.limit.min(fewer);
        }
        self.gauge.set(self.limit as f64);
    }
}

impl Pace {
    /// How long the answers of this window would have taken usually. It begins anew, with what was learnt from it.
    fn expect(&mut self, later: f64) -> f64 {
        let mean = self.seconds / self.answers;
        let usual = self.usual.unwrap_or(mean);
        let expected = usual * self.answers;
        self.usual =
            Some(if mean < usual { usual + (mean - usual) * SOONER } else { (usual * later).min(mean) });
        (self.seconds, self.answers) = (0.0, 0.0);
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEWEST: usize = 8;

    fn room(fewest: usize, clock: Instant) -> Room {
        Room::new(fewest, 1024, Gauge::noop(), clock)
    }

    /// A service that answers one call after the other, in a millisecond each, for so many windows: how many calls it is
    /// asked at once when `wanted` want to.
    fn asked(room: &mut Room, clock: &mut Instant, wanted: usize, windows: usize) -> usize {
        let mut entered = 0;
        for _ in 0..windows {
            entered = 0;
            while entered < wanted && room.enter().is_ok() {
                entered += 1;
            }
            *clock += WINDOW;
            (0..entered).for_each(|_| room.leave());
            for _ in 0..entered.max(ANSWERS) {
                room.answered("/users/Get", Duration::from_millis(entered as u64), *clock);
            }
        }
        entered
    }

    #[tokio::test]
    async fn room_shrinks_when_calls_wait_for_each_other_and_grows_again() {
        let mut clock = Instant::now();
        let mut room = room(FEWEST, clock);
        assert_eq!(asked(&mut room, &mut clock, 3, 50), 3, "this is usual");
        let many = asked(&mut room, &mut clock, 1000, 600);
        assert!((FEWEST..=16).contains(&many), "{many} after a minute");
        assert_eq!(room.enter(), Ok(()));
        room.leave();
        assert_eq!(asked(&mut room, &mut clock, 3, 100), 3);
        assert_eq!(room.limit, 1024);
    }

    #[tokio::test]
    async fn room_whose_least_is_its_most_never_shrinks() {
        let mut clock = Instant::now();
        let mut room = room(1024, clock);
        asked(&mut room, &mut clock, 3, 50);
        assert_eq!(asked(&mut room, &mut clock, 1000, 600), 1000);
    }

    #[tokio::test]
    async fn of_calls_that_wait_for_others_few_are_at_work_at_once_while_room_is_scarce() {
        let mut clock = Instant::now();
        let mut room = room(FEWEST, clock);
        (0..1000).for_each(|_| room.enter_patiently(clock).unwrap());
        clock += WORK;
        asked(&mut room, &mut clock, 3, 50);
        asked(&mut room, &mut clock, 1000, 600);
        let most = room.limit / PATIENT;
        let began = clock;
        (0..most).for_each(|_| room.enter_patiently(clock).unwrap());
        assert_eq!(room.enter_patiently(clock), Err(most));
        assert_eq!(room.enter(), Ok(()), "they take no place from others");
        room.leave();
        // One has ended.
        clock += WORK / 2;
        room.leave_patiently(began);
        assert_eq!(room.enter_patiently(clock), Ok(()));
        assert_eq!(room.enter_patiently(clock), Err(most));
        // Those before it wait for others by now.
        clock += WORK / 2;
        (1..most).for_each(|_| room.enter_patiently(clock).unwrap());
        assert_eq!(room.enter_patiently(clock), Err(most));
        room.leave_patiently(began);
        assert_eq!(room.enter_patiently(clock), Err(most), "it had no place any more");
        asked(&mut room, &mut clock, 3, 100);
        (0..1000).for_each(|_| room.enter_patiently(clock).unwrap());
    }

    #[tokio::test]
    async fn a_service_that_is_slow_by_itself_keeps_its_room() {
        let mut clock = Instant::now();
        let mut room = room(FEWEST, clock);
        for milliseconds in [5, 500] {
            for _ in 0..200 {
                clock += WINDOW / 10;
                room.enter().unwrap();
                room.answered("/users/Get", Duration::from_millis(milliseconds), clock);
                room.leave();
            }
        }
        assert_eq!(room.limit, 1024);
    }

    #[tokio::test]
    async fn each_method_has_a_time_of_its_own() {
        let mut clock = Instant::now();
        let mut room = room(FEWEST, clock);
        (0..100).for_each(|_| room.enter().unwrap());
        for window in 0..50 {
            clock += WINDOW;
            let (method, took) = if window % 2 == 0 { ("/users/Get", 1) } else { ("/users/List", 100) };
            (0..ANSWERS).for_each(|_| room.answered(method, Duration::from_millis(took), clock));
        }
        assert_eq!(room.limit, 1024);
    }
}
