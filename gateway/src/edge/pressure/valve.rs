//! How many requests are let through, by what was seen of those before.

use std::time::Duration;

/// How many are let through of those before when there was too much to do: the fewer, the longer work waited.
const FEWER: std::ops::RangeInclusive<f64> = 0.5..=0.9;
/// How many more in a window when there was not: near to what was too much the last time, and elsewhere.
const MORE: f64 = 1.01;
const MUCH_MORE: f64 = 1.1;
/// What is near.
const NEAR: std::ops::Range<f64> = 0.8..1.1;
/// No more while work waits longer than this part of the limit: what goes on beyond it is late now and then by chance, and each
/// time those who were let in wait.
const IDLE: f64 = 0.2;
/// With less than this part of what came when there was too much, it is not known any more what is too much: much of the
/// work was to refuse.
const OTHER: f64 = 0.5;
/// How many more in a window then.
const AT_ONCE: f64 = 1.2;
/// Never fewer in a window, or nobody would see that it is over; and never a smaller part of what could be done when it began:
/// if that is still too much, something else keeps the machine busy, and to refuse more helps nobody.
const FEWEST: f64 = 1.0;
const SMALLEST: f64 = 0.05;
/// After so many windows in which this many times what came could have been let through it is over.
const OVER: u32 = 10;
const ENOUGH: f64 = 1.2;
/// How much of what is usual at once is forgotten in a window: most of it within half a minute.
const FORGOTTEN: f64 = 0.99;
/// How many times as many may become usual in one.
const USUAL_MORE: f64 = 1.5;
/// How many more than twice as many as usual there may be at once while all is well, half of it more than usual in a moment in
/// which work waits, and how many more than usual while there is too much to do: for each millisecond that work may wait, and at
/// least.
const CROWD: f64 = 6.0;
const FEW: f64 = 1.0;
const LEAST_CROWD: f64 = 8.0;
const LEAST_FEW: f64 = 2.0;

/// What was seen in a window.
pub(super) struct Seen {
    /// How long what could run waited for its turn, of what it may.
    pub(super) lateness: f64,
    /// How many windows it really took.
    pub(super) windows: f64,
    pub(super) arrived: usize,
    pub(super) answered: usize,
    /// The most that were let in and not answered at once.
    pub(super) peak: usize,
}

/// Lets through so many requests in each window. It is a number and not a share of what comes: that says what can be done,
/// whatever is asked for, and as soon as less is asked for all of it comes through.
///
/// It becomes less when there was too much to do, and slowly more again until there is once more (AIMD, as TCP does with
/// what is lost; `ceiling` is its slow start threshold).
#[derive(Default)]
pub(super) struct Valve {
    /// See [`CROWD`] and [`FEW`].
    crowd: f64,
    few: f64,
    /// All, if none is given.
    budget: Option<f64>,
    /// So many were too much the last time, when so many came.
    ceiling: f64,
    asked: f64,
    /// It never becomes less than this.
    fewest: f64,
    arriving: f64,
    /// How many are let in and not answered at once while nothing is wrong.
    usual: f64,
    was_late: bool,
    /// What was let through before the last change has just come to its end.
    is_settling: bool,
    /// Windows in a row in which all could have been let through.
    enough: u32,
}

impl Valve {
    /// For a gateway in which work may wait so long.
    pub(super) fn new(limit: Duration) -> Self {
        let milliseconds = limit.as_secs_f64() * 1000.0;
        let crowd = (CROWD * milliseconds).max(LEAST_CROWD);
        Self { crowd, few: (FEW * milliseconds).max(LEAST_FEW), ..Self::default() }
    }

    /// After a window. One that was late is chance: the machine may have stood still.
    pub(super) fn turn(&mut self, seen: &Seen) {
        let arrived = seen.arrived as f64 / seen.windows;
        self.arriving = if self.budget.is_some() { (self.arriving + arrived) / 2.0 } else { arrived };
        let is_settling = std::mem::take(&mut self.is_settling);
        let is_late = seen.lateness > 1.0;
        if !is_late {
            self.usual = (self.usual * FORGOTTEN).max((seen.peak as f64).min(self.most_usual()));
            self.budget = self.budget.and_then(|budget| self.grown(budget, seen.lateness < IDLE));
        } else if !is_settling && (self.was_late || self.budget.is_some()) {
            let before = self.budget.unwrap_or(seen.answered as f64 / seen.windows);
            if self.budget.is_none() {
                self.fewest = (before * SMALLEST).max(FEWEST);
                self.ceiling = before;
            }
            if self.budget.is_none() || !self.was_late {
                // That it was too much may have been chance, too.
                self.ceiling = before.max((self.ceiling + before) / 2.0);
                self.asked = self.arriving;
            }
            let part = (1.0 / seen.lateness).clamp(*FEWER.start(), *FEWER.end());
            self.budget = Some((before * part).max(self.fewest));
            (self.is_settling, self.enough) = (true, 0);
        }
        self.was_late = is_late;
    }

    /// How many may become usual in one window: it is not known yet what a crowd does that has just come.
    fn most_usual(&self) -> f64 {
        self.usual * USUAL_MORE + self.few
    }

    fn grown(&mut self, budget: f64, is_idle: bool) -> Option<f64> {
        let is_enough = budget >= self.arriving * ENOUGH;
        self.enough = if is_enough { self.enough + 1 } else { 0 };
        let more = if self.arriving < self.asked * OTHER {
            AT_ONCE
        } else if !is_idle && !is_enough {
            1.0
        } else if NEAR.contains(&(budget / self.ceiling)) {
            MORE
        } else {
            MUCH_MORE
        };
        (self.enough < OVER).then_some(budget * more)
    }

    /// Whether nothing is refused.
    pub(super) fn admits_all(&self) -> bool {
        self.budget.is_none()
    }

    /// Which share of what comes is let through.
    pub(super) fn share(&self) -> f64 {
        self.budget.map_or(1.0, |budget| (budget / self.arriving.max(FEWEST)).min(1.0))
    }

    /// For how many there is room at once. A crowd that comes from one moment to the next is too much before anything can
    /// be late: until it is known to be none, twice as many as usual are let in.
    pub(super) fn room(&self) -> usize {
        if self.admits_all() { (2.0 * self.usual + self.crowd) as usize } else { self.least_room() }
    }

    /// For how many there is room while work waits, which may be for a moment and by chance.
    pub(super) fn least_room(&self) -> usize {
        let more = if self.admits_all() { self.crowd / 2.0 } else { self.few };
        (self.usual + more) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests a machine can answer in a window.
    const ABLE: f64 = 100.0;

    fn valve() -> Valve {
        Valve::new(Duration::from_millis(10))
    }

    /// How long work waits, of what it may, in a window in which so many are let through: the busier a machine is, the longer,
    /// without an end.
    fn lateness(admitted: f64) -> f64 {
        let busy = (admitted / ABLE).min(0.999);
        0.1 * busy / (1.0 - busy)
    }

    /// One window, in which so many come: how many are let through.
    fn window(valve: &mut Valve, arriving: f64) -> f64 {
        let admitted = arriving * valve.share();
        valve.turn(&Seen {
            lateness: lateness(admitted),
            windows: 1.0,
            arrived: arriving as usize,
            answered: admitted.min(ABLE) as usize,
            peak: 3,
        });
        admitted
    }

    fn windows(valve: &mut Valve, arriving: f64, number: usize) -> Vec<f64> {
        (0..number).map(|_| window(valve, arriving)).collect()
    }

    #[test]
    fn what_can_be_done_is_let_through_while_ten_times_as_much_comes() {
        let mut valve = valve();
        assert_eq!(windows(&mut valve, ABLE / 2.0, 50), vec![ABLE / 2.0; 50]);
        let mut overload = windows(&mut valve, ABLE * 10.0, 600).split_off(3);
        let average = overload.iter().sum::<f64>() / overload.len() as f64;
        assert!((60.0..90.0).contains(&average), "{average}");
        let late = overload.extract_if(.., |admitted| lateness(*admitted) > 1.0).count();
        assert!(late < 6, "{late} of 600 windows were too much");
        assert!(!valve.admits_all());

        let after = windows(&mut valve, ABLE / 2.0, 30);
        assert!(after[6..].iter().all(|admitted| *admitted == ABLE / 2.0), "all come through: {after:?}");
        assert!(valve.admits_all(), "and it is over");
    }

    #[test]
    fn how_much_is_too_much_is_found_out_anew_when_much_less_comes() {
        let mut valve = valve();
        windows(&mut valve, ABLE * 10.0, 10);
        // Something else keeps the machine busy for a while, so that all but nothing was too much.
        let seen = |arrived, lateness| Seen { lateness, windows: 1.0, arrived, answered: 1, peak: 3 };
        (0..20).for_each(|_| valve.turn(&seen(1000, 2.0)));
        assert!(valve.share() < 0.02, "{}", valve.share());
        let number = (0..100).position(|_| {
            // It is not quite idle.
            valve.turn(&seen(50, 0.5));
            valve.share() == 1.0
        });
        assert!(number.is_some_and(|number| number < 30), "{number:?}");
    }

    #[test]
    fn no_more_are_let_through_while_work_waits_a_little() {
        let mut valve = valve();
        windows(&mut valve, ABLE * 10.0, 5);
        let share = valve.share();
        let seen = |lateness| Seen { lateness, windows: 1.0, arrived: 1000, answered: 10, peak: 3 };
        (0..50).for_each(|_| valve.turn(&seen(0.5)));
        assert!(valve.share() <= share, "{}", valve.share());
        (0..50).for_each(|_| valve.turn(&seen(0.1)));
        assert!(valve.share() > share);
    }

    #[test]
    fn one_late_window_is_chance() {
        let mut valve = valve();
        for lateness in [2.0, 0.1, 2.0, 0.1] {
            valve.turn(&Seen { lateness, windows: 1.0, arrived: 50, answered: 50, peak: 3 });
            assert!(valve.admits_all());
        }
    }

    #[test]
    fn who_comes_alone_is_let_through_however_busy_the_machine_is_with_other_things() {
        let mut valve = Valve::new(Duration::from_millis(1));
        for _ in 0..100 {
            valve.turn(&Seen { lateness: 2.0, windows: 1.0, arrived: 1, answered: 1, peak: 1 });
            assert_eq!(valve.share(), 1.0);
        }
        assert!(valve.room() > 1 && valve.least_room() > 1);
    }

    #[test]
    fn a_part_is_let_through_however_long_refusing_helps_nobody() {
        let mut valve = valve();
        let seen = || Seen { lateness: 2.0, windows: 1.0, arrived: 1000, answered: 100, peak: 3 };
        (0..100).for_each(|_| valve.turn(&seen()));
        assert_eq!(valve.share(), 0.005);
    }

    #[test]
    fn a_machine_that_was_busy_with_other_things_answers_all_again_within_seconds() {
        let mut valve = valve();
        let window = |valve: &mut Valve, lateness| {
            let admitted = (50.0 * valve.share()) as usize;
            valve.turn(&Seen { lateness, windows: 1.0, arrived: 50, answered: admitted, peak: 3 });
        };
        (0..100).for_each(|_| window(&mut valve, 2.0));
        assert!(valve.share() < 0.1);
        (0..100).for_each(|_| window(&mut valve, 0.1));
        assert!(valve.admits_all());
    }

    #[test]
    fn there_is_room_for_twice_as_many_as_usual_and_a_crowd() {
        let mut valve = valve();
        assert_eq!(valve.room(), 60);
        let mut seen = |peak| {
            valve.turn(&Seen { lateness: 0.1, windows: 1.0, arrived: peak, answered: peak, peak });
            valve.room()
        };
        assert_eq!([60, 80, 110].map(&mut seen), [80, 110, 155], "a crowd that does no harm may grow");
        (0..600).for_each(|_| assert!(seen(10) >= 80));
        assert_eq!(seen(10), 80, "and is forgotten");
    }

    #[test]
    fn there_is_no_room_for_a_crowd_while_work_waits() {
        let mut valve = Valve::new(Duration::from_millis(2));
        windows(&mut valve, ABLE / 2.0, 10);
        assert_eq!((valve.room(), valve.least_room()), (2 * 3 + 12, 3 + 6));
        windows(&mut valve, ABLE * 10.0, 5);
        assert_eq!((valve.room(), valve.least_room()), (3 + 2, 3 + 2));
    }
}
