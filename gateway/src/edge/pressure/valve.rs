//! How many requests are let through, by what was seen of those before.

/// How many fewer are let through when there was too much to do.
const FEWER: f64 = 0.7;
/// How many more in a window when there was not: near to what was too much the last time, and elsewhere.
const MORE: f64 = 1.01;
const MUCH_MORE: f64 = 1.2;
/// What is near.
const NEAR: std::ops::Range<f64> = 0.8..1.1;
/// Never fewer in a window, or nobody would see that it is over; and never a smaller part of what could be done when it began:
/// if that is still too much, something else keeps the machine busy, and to refuse more helps nobody.
const FEWEST: f64 = 1.0;
const SMALLEST: f64 = 0.05;
/// After so many windows in which this many times what came could have been let through it is over.
const OVER: u32 = 10;
const ENOUGH: f64 = 1.2;
/// How much of what is usual at once is forgotten in a window: most of it within half a minute.
const FORGOTTEN: f64 = 0.99;
/// How many more than twice as many as usual there may be at once: while all is well, and while there is too much to do.
const CROWD: f64 = 64.0;
const FEW: f64 = 8.0;

/// What was seen in a window.
pub(super) struct Seen {
    /// Whether most of what could run waited too long for its turn.
    pub(super) is_late: bool,
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
    /// All, if none is given.
    budget: Option<f64>,
    /// So many were too much the last time.
    ceiling: f64,
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
    /// After a window. One that was late is chance: the machine may have stood still.
    pub(super) fn turn(&mut self, seen: &Seen) {
        let arrived = seen.arrived as f64 / seen.windows;
        self.arriving = if self.budget.is_some() { (self.arriving + arrived) / 2.0 } else { arrived };
        let is_settling = std::mem::take(&mut self.is_settling);
        if !seen.is_late {
            self.usual = (self.usual * FORGOTTEN).max(seen.peak as f64);
            self.budget = self.budget.and_then(|budget| self.grown(budget));
        } else if !is_settling && (self.was_late || self.budget.is_some()) {
            let before = self.budget.unwrap_or(seen.answered as f64 / seen.windows);
            if self.budget.is_none() {
                self.fewest = (before * SMALLEST).max(FEWEST);
            }
            if self.budget.is_none() || !self.was_late {
                self.ceiling = before;
            }
            self.budget = Some((before * FEWER).max(self.fewest));
            (self.is_settling, self.enough) = (true, 0);
        }
        self.was_late = seen.is_late;
    }

    fn grown(&mut self, budget: f64) -> Option<f64> {
        let is_enough = budget >= self.arriving * ENOUGH;
        self.enough = if is_enough { self.enough + 1 } else { 0 };
        let more = if NEAR.contains(&(budget / self.ceiling)) { MORE } else { MUCH_MORE };
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
        (2.0 * self.usual + if self.admits_all() { CROWD } else { FEW }) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests a machine can answer in a window, of which it is late with the last ones.
    const ABLE: f64 = 100.0;

    /// One window, in which so many come: how many are let through.
    fn window(valve: &mut Valve, arriving: f64) -> f64 {
        let admitted = arriving * valve.share();
        valve.turn(&Seen {
            is_late: admitted > ABLE * 0.9,
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
        let mut valve = Valve::default();
        assert_eq!(windows(&mut valve, ABLE / 2.0, 50), vec![ABLE / 2.0; 50]);
        let mut overload = windows(&mut valve, ABLE * 10.0, 600).split_off(3);
        let average = overload.iter().sum::<f64>() / overload.len() as f64;
        assert!((60.0..90.0).contains(&average), "{average}");
        let late = overload.extract_if(.., |admitted| *admitted > ABLE * 0.9).count();
        assert!(late < 45, "{late} of 600 windows were too much");
        assert!(!valve.admits_all());

        let after = windows(&mut valve, ABLE / 2.0, 20);
        assert!(after[6..].iter().all(|admitted| *admitted == ABLE / 2.0), "all come through: {after:?}");
        assert!(valve.admits_all(), "and it is over");
    }

    #[test]
    fn one_late_window_is_chance() {
        let mut valve = Valve::default();
        for is_late in [true, false, true, false] {
            valve.turn(&Seen { is_late, windows: 1.0, arrived: 50, answered: 50, peak: 3 });
            assert!(valve.admits_all());
        }
    }

    #[test]
    fn who_comes_alone_is_let_through_however_busy_the_machine_is_with_other_things() {
        let mut valve = Valve::default();
        for _ in 0..100 {
            valve.turn(&Seen { is_late: true, windows: 1.0, arrived: 1, answered: 1, peak: 1 });
            assert_eq!(valve.share(), 1.0);
        }
        assert!(valve.room() > 1);
    }

    #[test]
    fn a_part_is_let_through_however_long_refusing_helps_nobody() {
        let mut valve = Valve::default();
        let seen = || Seen { is_late: true, windows: 1.0, arrived: 1000, answered: 100, peak: 3 };
        (0..100).for_each(|_| valve.turn(&seen()));
        assert_eq!(valve.share(), 0.005);
    }

    #[test]
    fn a_machine_that_was_busy_with_other_things_answers_all_again_within_seconds() {
        let mut valve = Valve::default();
        let window = |valve: &mut Valve, is_late| {
            let admitted = (50.0 * valve.share()) as usize;
            valve.turn(&Seen { is_late, windows: 1.0, arrived: 50, answered: admitted, peak: 3 });
        };
        (0..100).for_each(|_| window(&mut valve, true));
        assert!(valve.share() < 0.1);
        (0..70).for_each(|_| window(&mut valve, false));
        assert!(valve.admits_all());
    }

    #[test]
    fn there_is_room_for_twice_as_many_as_usual_and_a_crowd() {
        let mut valve = Valve::default();
        assert_eq!(valve.room(), 64);
        let mut seen = |peak| {
            valve.turn(&Seen { is_late: false, windows: 1.0, arrived: peak, answered: peak, peak });
            valve.room()
        };
        assert_eq!([64, 192, 448].map(&mut seen), [192, 448, 960], "a crowd that does no harm may grow");
        (0..600).for_each(|_| assert!(seen(10) >= 84));
        assert_eq!(seen(10), 84, "and is forgotten");
    }
}
