//! What came of it.

use std::fmt;
use std::time::Duration;

use super::{End, Memory, Options, Phase, SLOWER};

/// For how long the mesh may be slow when there is no longer too much.
const RECOVERY: Duration = Duration::from_secs(5);
/// How much of its peak a process may grow by in the last half, by chance.
const GROWTH: f64 = 0.05;

/// See above.
pub struct Report {
    pub(super) options: Options,
    /// Requests a second.
    pub(super) sustainable: f64,
    pub(super) normal: Phase,
    pub(super) overload: Phase,
    pub(super) memory: Vec<Memory>,
    pub(super) recovered: Option<Duration>,
}

impl Report {
    /// Whether every bar is met.
    pub fn is_clean(&self) -> bool {
        self.bars().iter().all(|(_, is_met)| *is_met)
    }

    /// How many were accepted, shed and broken while there was too much.
    pub fn counts(&self) -> [usize; 3] {
        [End::Accepted, End::Shed, End::Broken].map(|end| self.overload.count(end))
    }

    /// The seconds until the mesh was as before, if it was.
    pub fn recovered(&self) -> Option<Duration> {
        self.recovered
    }

    fn bars(&self) -> [(String, bool); 3] {
        let [normal, overload] =
            [&self.normal, &self.overload].map(|phase| phase.times(End::Accepted).at(99));
        let ratio = overload.as_secs_f64() / normal.as_secs_f64().max(f64::EPSILON);
        let is_answered = self.overload.count(End::Accepted) > 0;
        let growing: Vec<_> =
            self.memory.iter().filter(|memory| memory.growth() > memory.peak() * GROWTH).collect();
        let names: Vec<_> = growing.iter().map(|memory| memory.name).collect();
        let names = if names.is_empty() { "no process".to_owned() } else { names.join(", ") };
        let recovered =
            self.recovered.map_or("never".to_owned(), |took| format!("after {:.0} s", took.as_secs_f64()));
        [
            (
                format!("p99 of what was accepted is {ratio:.1} times the normal one (at most {SLOWER})"),
                is_answered && overload <= normal * SLOWER,
            ),
            (
                format!("{names} grew in the last half by more than {:.0} % of its peak", GROWTH * 100.0),
                growing.is_empty(),
            ),
            (
                format!("as before {recovered} (within {} s)", RECOVERY.as_secs()),
                self.recovered.is_some_and(|took| took <= RECOVERY),
            ),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { sockets, engine, .. } = self.options;
        writeln!(
            out,
            "\n{engine:?}, {:.0} requests a second are sustainable, at most {sockets} sockets\n",
            self.sustainable
        )?;
        write!(out, "  {:<10}", "load")?;
        for head in [
            "seconds",
            "offered/s",
            "accepted/s",
            "shed/s",
            "broken/s",
            "unsent/s",
            "p50 ms",
            "p99 ms",
            "longest",
        ] {
            write!(out, " {head:>10}")?;
        }
        writeln!(out)?;
        for (name, phase) in [("normal", &self.normal), ("ten times", &self.overload)] {
            write!(out, "  {name:<10} {:>10.0}", phase.lasted.as_secs_f64())?;
            let counts = [End::Accepted, End::Shed, End::Broken].map(|end| phase.count(end));
            for number in [phase.offered].into_iter().chain(counts).chain([phase.unsent()]) {
                write!(out, " {:>10.1}", phase.rate(number))?;
            }
            for percent in [50, 99, 100] {
                let took = phase.times(End::Accepted).at(percent);
                write!(out, " {:>10.1}", took.as_secs_f64() * 1000.0)?;
            }
            writeln!(out)?;
        }
        let shed = self.overload.times(End::Shed);
        let [half, most] = [50, 99].map(|percent| shed.at(percent).as_secs_f64() * 1000.0);
        writeln!(out, "  {:<10} {:>76} {half:>10.1} {most:>10.1}", "  shed", "")?;
        let [normal, overload] =
            [&self.normal, &self.overload].map(|phase| phase.late().at(99).as_secs_f64() * 1000.0);
        writeln!(
            out,
            "\n  the load came late by {normal:.0} ms (normal) and {overload:.0} ms (ten times), p99"
        )?;
        for memory in &self.memory {
            let (name, peak, growth) = (memory.name, memory.peak(), memory.growth());
            writeln!(out, "  {name:<15} {peak:>8.1} MiB at most, {growth:>+6.1} in the last half")?;
        }
        for (bar, is_met) in self.bars() {
            writeln!(out, "  {} {bar}", if is_met { "met:   " } else { "missed:" })?;
        }
        Ok(())
    }
}
