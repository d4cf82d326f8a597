//! How much a hypervisor takes away. It says whether what was measured on a virtual machine tells anything of the mesh.

use std::ops::Range;
use std::time::Duration;

/// The time that the processors were ready for something and not there, as Linux tells in /proc/stat, over time.
#[derive(Default)]
pub struct Stolen(Vec<(Duration, Ticks)>);

/// Since the machine was started, of all of its processors together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    stolen: u64,
    all: u64,
}

impl Stolen {
    /// Looks; it is so late. Where the system tells nothing, nothing is known.
    pub fn look(&mut self, now: Duration) {
        let told = std::fs::read_to_string("/proc/stat").ok().and_then(|stat| Ticks::read(&stat));
        self.0.extend(told.map(|ticks| (now, ticks)));
    }

    /// The part of these times that was taken away, if that is known.
    pub fn part(&self, times: &Range<Duration>) -> Option<f64> {
        let mut within = self.0.iter().filter(|(at, _)| times.contains(at)).map(|(_, ticks)| ticks);
        let first = within.next()?;
        let last = within.next_back()?;
        let all = last.all.saturating_sub(first.all);
        (all > 0).then(|| last.stolen.saturating_sub(first.stolen) as f64 / all as f64)
    }
}

impl Ticks {
    /// Of its first line: user, nice, system, idle, iowait, irq, softirq and steal; what guests had is among the first.
    fn read(stat: &str) -> Option<Self> {
        let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { stolen: *ticks.get(7)?, all: ticks.iter().sum() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_away_is_a_part_of_all_time() {
        let stolen = |ticks| Ticks::read(&format!("cpu  {ticks}\ncpu0 1 2 3 4 5 6 7 8 9 10\n"));
        assert_eq!(stolen("1 2 3 4 5 6 7 8 9 10"), Some(Ticks { stolen: 8, all: 36 }));
        assert_eq!((stolen("1 2 3"), stolen("1 2 3 4 5 6 7 x")), (None, None));

        let seconds = Duration::from_secs;
        let told = [(0, 0, 0), (1, 0, 100), (2, 30, 200), (3, 50, 300)];
        let told = told.map(|(second, stolen, all)| (seconds(second), Ticks { stolen, all }));
        let stolen = Stolen(told.to_vec());
        assert_eq!(stolen.part(&(seconds(1)..seconds(4))), Some(0.25));
        assert_eq!(stolen.part(&(seconds(0)..seconds(2))), Some(0.0));
        assert_eq!(stolen.part(&(seconds(3)..seconds(4))), None);
    }
}
