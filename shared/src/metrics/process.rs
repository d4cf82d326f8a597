//! What Linux says of this process, at the moment when somebody asks. Elsewhere nothing is said.
//!
//! Read here and not by a crate: the one there is (`metrics-process`) needs clang to build on macOS.

use std::fs;

use super::names;

/// In how many parts Linux tells a second to programs (`USER_HZ`), on every processor that Rust's tier 1 and 2 name.
const TICKS: f64 = 100.0;

/// Takes down what is known now.
pub(super) fn collect() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let stat = Stat::read(&read("/proc/self/stat"));
    if let Some(Stat { cpu, started }) = stat {
        metrics::gauge!(names::PROCESS_CPU).set(cpu);
        if let Some(boot) = number_after(&read("/proc/stat"), "btime ") {
            metrics::gauge!(names::PROCESS_START).set(boot + started);
        }
    }
    let status = read("/proc/self/status");
    for (name, field, factor) in [
        (names::PROCESS_RESIDENT_MEMORY, "VmRSS:", 1024.0),
        (names::PROCESS_VIRTUAL_MEMORY, "VmSize:", 1024.0),
        (names::PROCESS_THREADS, "Threads:", 1.0),
    ] {
        if let Some(number) = number_after(&status, field) {
            metrics::gauge!(name).set(number * factor);
        }
    }
    if let Some(most) = number_after(&read("/proc/self/limits"), "Max open files") {
        metrics::gauge!(names::PROCESS_MAX_FDS).set(most);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!(names::PROCESS_OPEN_FDS).set(open.count() as f64);
    }
}

/// In seconds.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu: f64,
    /// After the machine.
    started: f64,
}

impl Stat {
    /// The program's name, in parentheses, may hold anything; what follows are numbers (`man 5 proc_pid_stat`).
    fn read(stat: &str) -> Option<Self> {
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        // The first one here is the third one there.
        let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        Some(Self { cpu: (ticks(14)? + ticks(15)?) / TICKS, started: ticks(22)? / TICKS })
    }
}

fn number_after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_hides_no_number() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 1234 1000 20 1844";
        assert_eq!(Stat::read(stat), Some(Stat { cpu: 2.0, started: 12.34 }));
        assert_eq!(Stat::read(""), None);
        assert_eq!(number_after("Name:\tx\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2048.0));
    }
}
