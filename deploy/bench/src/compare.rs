//! Contenders side by side: each runs in turn, again and again, and what counts are medians.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::BoxError;
use crate::load::{Arguments, Sample};

/// Something that is put under load.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'a str,
    /// The processes that serve it, without the broker and the database server.
    pub(crate) processes: Vec<u32>,
    /// Connects, and calls for so long.
    pub(crate) run: Box<dyn Fn(Duration) -> BoxFuture<'a, Result<Sample, BoxError>> + 'a>,
}

/// How long, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
}

impl Plan {
    /// What is asked for by `--rounds` and `--seconds`.
    pub(crate) fn of(arguments: &Arguments) -> Result<Self, BoxError> {
        let seconds = arguments.number("--seconds", 4)?;
        Ok(Self { rounds: arguments.number("--rounds", 5)?, duration: Duration::from_secs(seconds as u64) })
    }
}

/// What came of one contender in one workload.
#[derive(Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) contender: String,
    /// Calls a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Milliseconds.
    pub(crate) p999: f64,
    /// Microseconds of processor time that a call took of its processes.
    pub(crate) cpu: f64,
    /// MiB that its processes have in memory afterwards.
    pub(crate) memory: f64,
}

/// Runs all of `contenders` in turn.
///
/// # Errors
/// When a call of one of them is not a success.
pub(crate) async fn compare(
    workload: &str,
    contenders: &[Contender<'_>],
    plan: Plan,
) -> Result<Vec<Row>, BoxError> {
    let mut runs: Vec<Vec<Row>> = contenders.iter().map(|_| Vec::new()).collect();
    // The first round warms up and does not count.
    for round in 0..=plan.rounds {
        // Whoever is first in one round is last in another.
        for place in 0..contenders.len() {
            let index = (round + place) % contenders.len();
            let Contender { name, processes, run } = &contenders[index];
            let before = processor_time(processes);
            let sample = run(plan.duration).await.map_err(|error| format!("{workload}, {name}: {error}"))?;
            let used = processor_time(processes).saturating_sub(before);
            if round > 0 {
                runs[index].push(Row {
                    workload: workload.to_owned(),
                    contender: (*name).to_owned(),
                    rate: sample.rate,
                    p50: sample.p50,
                    p99: sample.p99,
                    p999: sample.p999,
                    cpu: used.as_secs_f64() * 1e6 / sample.calls.max(1) as f64,
                    memory: memory(processes),
                });
            }
        }
    }
    Ok(runs.into_iter().map(median).collect())
}

/// The run with the median rate, with the medians of what it took.
fn median(mut runs: Vec<Row>) -> Row {
    let middle = runs.len() / 2;
    let mut of = |value: fn(&Row) -> f64| {
        runs.sort_by(|one, other| value(one).total_cmp(&value(other)));
        value(&runs[middle])
    };
    let (p50, p99, p999) = (of(|run| run.p50), of(|run| run.p99), of(|run| run.p999));
    let (cpu, memory, rate) = (of(|run| run.cpu), of(|run| run.memory), of(|run| run.rate));
    Row { p50, p99, p999, cpu, memory, rate, ..runs.swap_remove(middle) }
}

/// How long these processes were on a processor, where the system tells (Linux).
pub(crate) fn processor_time(processes: &[u32]) -> Duration {
    let of = |process: &u32| {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
        let told = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        told.filter_map(|told| told.split_whitespace().next()?.parse::<u64>().ok()).sum::<u64>()
    };
    Duration::from_nanos(processes.iter().map(of).sum())
}

/// MiB that these processes have in memory, where the system tells (Linux).
pub(crate) fn memory(processes: &[u32]) -> f64 {
    let of = |process: &u32| -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    processes.iter().filter_map(of).sum::<f64>() / 1024.0
}
