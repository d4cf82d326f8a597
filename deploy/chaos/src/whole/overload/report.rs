//! What came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::memory::BROKER;
use super::{End, Memory, Options, Phase, Processors, RECOVERY, SLOWER, Stolen};

/// How much of its peak a process may grow by in the last half, by chance.
const GROWTH: f64 = 0.05;
/// After so many seconds in a row that are as normal the mesh is as before.
const IN_A_ROW: usize = 3;

/// See above.
pub struct Report {
    pub(super) options: Options,
    /// Those of the load, and those of the mesh.
    pub(super) apart: Option<[Processors; 2]>,
    /// As many as the mesh answers.
    pub(super) closed: Phase,
    /// Requests a second.
    pub(super) sustainable: f64,
    pub(super) normal: Phase,
    pub(super) overload: Phase,
    /// Under the normal load again, which begins when there is no longer too much.
    pub(super) recovery: Phase,
    /// Somebody who asks one thing after the other.
    pub(super) afterwards: Phase,
    pub(super) memory: Vec<Memory>,
    /// What the machine itself had less.
    pub(super) stolen: Stolen,
}

impl Report {
    /// Whether every bar is met.
    pub fn is_clean(&self) -> bool {
        self.bars().iter().all(|(_, is_met)| *is_met)
    }

    /// How many were accepted and shed while there was too much.
    pub fn counts(&self) -> [usize; 2] {
        [End::Accepted, End::Shed].map(|wanted| self.overload.count(|end| end == wanted))
    }

    /// What other answers there were at any time, how often each.
    pub fn broken(&self) -> BTreeMap<String, usize> {
        let mut broken = BTreeMap::new();
        let phases = [&self.normal, &self.overload, &self.recovery, &self.afterwards];
        for ended in phases.iter().flat_map(|phase| &phase.ended).filter(|ended| ended.end.is_broken()) {
            *broken.entry(format!("{:?}", ended.end)).or_default() += 1;
        }
        broken
    }

    /// The processes that had more memory at some time than they may have.
    pub fn too_large(&self) -> Vec<&'static str> {
        let too_large = self.memory.iter().filter(|memory| memory.peak() > memory.limit);
        too_large.map(|memory| memory.name).collect()
    }

    /// How many of those who asked one thing after the other at the end were not answered, of how many.
    pub fn refused_afterwards(&self) -> (usize, usize) {
        (self.afterwards.count(|end| end != End::Accepted), self.afterwards.ended.len())
    }

    /// How slow the slowest of a hundred normally are.
    fn usual(&self) -> Duration {
        self.normal.times(End::Accepted).at(99)
    }

    /// When the load was what is counted as normal, since it began.
    fn calm(&self) -> Range<Duration> {
        self.options.calm..self.options.calm * 2
    }

    /// When there was too much, since the load began.
    fn overloaded(&self) -> Range<Duration> {
        let begins = self.options.calm * 2;
        begins..begins + self.overload.lasted
    }

    /// How long after the end of what was too much the mesh was as before, if it was.
    fn recovered(&self) -> Option<Duration> {
        let longest = self.usual() * SLOWER;
        let as_before = |second: Phase| {
            let is_answered = second.count(|end| end == End::Accepted) == second.ended.len();
            is_answered && second.times(End::Accepted).at(99) <= longest
        };
        let seconds: Vec<_> = self.recovery.seconds().map(as_before).collect();
        let first = seconds.windows(IN_A_ROW).position(|some| some.iter().all(|as_before| *as_before))?;
        Some(Duration::from_secs(first as u64))
    }

    fn bars(&self) -> [(String, bool); 6] {
        let times = self.overloaded();
        let [normal, overload] = [self.usual(), self.overload.times(End::Accepted).at(99)];
        let ratio = overload.as_secs_f64() / normal.as_secs_f64().max(f64::EPSILON);
        let [accepted, _] = self.counts();
        // The broker has an index of what is stored in memory, which grows with that and not with what waits.
        let ours = self.memory.iter().filter(|memory| memory.name != BROKER);
        let growing = ours.filter(|memory| memory.growth(&times) > memory.peak() * GROWTH);
        let growing: Vec<_> = growing.map(|memory| memory.name).collect();
        let recovered = self.recovered();
        let told = recovered.map_or("never".to_owned(), |after| format!("after {} s", after.as_secs()));
        let (refused, asked) = self.refused_afterwards();
        [
            (
                format!("neither 2xx nor 503 with Retry-After nor 429: {}", listed(&self.broken())),
                self.broken().is_empty(),
            ),
            (
                format!("p99 of what was accepted is {ratio:.1} times the normal one (at most {SLOWER})"),
                accepted > 0 && overload <= normal * SLOWER,
            ),
            (
                format!(
                    "of ours still grew in the last half by more than {:.0} %: {}",
                    GROWTH * 100.0,
                    names(&growing)
                ),
                growing.is_empty(),
            ),
            (format!("larger than it may be: {}", names(&self.too_large())), self.too_large().is_empty()),
            (
                format!("as before for {IN_A_ROW} s: {told} (within {} s)", RECOVERY.as_secs()),
                recovered.is_some_and(|after| after <= RECOVERY),
            ),
            (
                format!("refused in the end, one after the other: {refused} of {asked}"),
                asked > 0 && refused == 0,
            ),
        ]
    }
}

fn names(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn listed(numbers: &BTreeMap<String, usize>) -> String {
    let listed: Vec<_> = numbers.iter().map(|(what, number)| format!("{number} × {what}")).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The columns of a phase: its requests a second, and how many milliseconds those took that were accepted.
const HEADS: [&str; 10] = [
    "seconds",
    "due/s",
    "accepted/s",
    "shed/s",
    "broken/s",
    "unsent/s",
    "p50 ms",
    "p99 ms",
    "longest",
    "sent p99",
];

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { sockets, engine, .. } = self.options;
        let sustainable = self.sustainable;
        writeln!(
            out,
            "\n{engine:?}, {sustainable:.0} requests a second are sustainable, {sockets} sockets\n"
        )?;
        match &self.apart {
            Some([load, mesh]) => writeln!(out, "  processors: {load} of the load, {mesh} of the mesh\n")?,
            None => writeln!(out, "  load and mesh have the same processors\n")?,
        }
        write!(out, "  {:<10}", "load")?;
        HEADS.iter().try_for_each(|head| write!(out, " {head:>10}"))?;
        writeln!(out)?;
        let row = |out: &mut fmt::Formatter<'_>, name: &str, phase: &Phase| {
            write!(out, "  {name:<10} {:>10.0}", phase.lasted.as_secs_f64())?;
            let is = |wanted| phase.count(|end| end == wanted);
            let broken = phase.count(End::is_broken);
            for number in [phase.ended.len(), is(End::Accepted), is(End::Shed), broken, is(End::Unsent)] {
                write!(out, " {:>10.1}", phase.rate(number))?;
            }
            let (times, sent) = (phase.times(End::Accepted), phase.times_since_sent(End::Accepted));
            for took in [times.at(50), times.at(99), times.at(100), sent.at(99)] {
                write!(out, " {:>10.1}", milliseconds(took))?;
            }
            writeln!(out)
        };
        row(out, "closed", &self.closed)?;
        for (name, phase) in [("normal", &self.normal), ("ten times", &self.overload)] {
            row(out, name, phase)?;
            row(out, "  reads", &phase.that_write(false))?;
            row(out, "  writes", &phase.that_write(true))?;
        }
        // How it is noticed that there is too much, and how it goes on when it is known.
        if let Some(first) = self.overload.seconds().next() {
            row(out, "  second 0", &first)?;
            row(out, "  later", &self.overload.since(first.lasted))?;
        }
        for (second, phase) in self.recovery.seconds().enumerate() {
            row(out, &format!("after {second} s"), &phase)?;
        }
        let shed = self.overload.times(End::Shed);
        let [half, most] = [50, 99].map(|percent| milliseconds(shed.at(percent)));
        writeln!(out, "\n  what was shed was told so after {half:.1} ms (median), {most:.1} ms (p99)")?;
        let sent = self.overload.count(|end| end != End::Unsent);
        let times = self.overload.rate(sent) / sustainable;
        writeln!(out, "  {times:.1} times what is sustainable was sent: the rest had no socket")?;
        let stolen = [self.calm(), self.overloaded()].map(|times| self.stolen.part(&times));
        if let [Some(before), Some(meanwhile)] = stolen.map(|part| part.map(|part| part * 100.0)) {
            writeln!(
                out,
                "  {meanwhile:.1} % of the processors were taken away meanwhile, {before:.1} % before"
            )?;
        }
        for memory in &self.memory {
            let times = self.overloaded();
            let [before, after] =
                [Duration::ZERO..times.start, times.end..Duration::MAX].map(|times| memory.usual(&times));
            let (name, peak, growth) = (memory.name, memory.peak(), memory.growth(&times));
            writeln!(
                out,
                "  {name:<15} {before:>6.1} MiB before, {peak:>6.1} at most, {growth:>+5.1} in the last half, {after:>6.1} after"
            )?;
        }
        for (bar, is_met) in self.bars() {
            writeln!(out, "  {} {bar}", if is_met { "met:   " } else { "missed:" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::testkit::Engine;

    use super::super::sockets::Ended;
    use super::*;

    const CALM: Duration = Duration::from_secs(1);

    /// Ten requests in each second, which end so after so many milliseconds.
    fn phase(seconds: &[(End, u64)]) -> Phase {
        let ended = seconds.iter().enumerate().flat_map(|(second, (end, took))| {
            let due = move |number: u64| Duration::from_millis(second as u64 * 1000 + number * 100);
            (0..10).map(move |number| Ended {
                end: *end,
                writes: false,
                due: due(number),
                late: Duration::from_millis(1),
                took: Duration::from_millis(*took),
            })
        });
        Phase { lasted: Duration::from_secs(seconds.len() as u64), ended: ended.collect() }
    }

    fn report(overload: &[(End, u64)], recovery: &[(End, u64)]) -> Report {
        let normal = || phase(&[(End::Accepted, 10)]);
        let (queue_limit, engine) = (Duration::ZERO, Engine::Sqlite);
        let options = Options {
            rate: None,
            overload: CALM,
            calm: CALM,
            sockets: 1,
            queue_limit,
            engine,
            is_apart: false,
        };
        let (overload, recovery) = (phase(overload), phase(recovery));
        Report {
            options,
            apart: None,
            closed: normal(),
            sustainable: 1.0,
            normal: normal(),
            overload,
            recovery,
            afterwards: normal(),
            memory: Vec::new(),
            stolen: Stolen::default(),
        }
    }

    #[test]
    fn recovery_is_counted_from_the_end_of_the_load_and_has_to_last() {
        let (well, slow, shed) = ((End::Accepted, 20), (End::Accepted, 21), (End::Shed, 1));
        let recovered = |seconds: &[_]| report(&[well], seconds).recovered().map(|after| after.as_secs());
        assert_eq!(recovered(&[well; 4]), Some(0));
        assert_eq!(recovered(&[shed, well, well, slow, well, well, well]), Some(4));
        assert_eq!(recovered(&[well, well, (End::Lost, 1), well, well]), None);
        assert_eq!(recovered(&[(End::Unsent, 0), well, well, well]), Some(1));
    }

    #[test]
    fn every_bar_is_noticed_when_it_is_missed() {
        let (well, shed) = ((End::Accepted, 20), (End::Shed, 1));
        assert!(report(&[well, shed], &[well; 3]).is_clean());
        for (overload, recovery) in [
            (vec![(End::Accepted, 21)], vec![well; 3]),
            (vec![shed], vec![well; 3]),
            (vec![well, (End::Other(500), 1)], vec![well; 3]),
            (vec![well], [vec![shed; 6], vec![well; 3]].concat()),
        ] {
            let report = report(&overload, &recovery);
            assert!(!report.is_clean(), "{report}");
        }
    }
}
