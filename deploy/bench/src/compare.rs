//! Contenders side by side: each runs in turn, again and again, and what counts are medians.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::BoxError;
use crate::arguments::Arguments;
use crate::load::{Connection, Sample, run};

/// Something that is put under load.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'a str,
    /// The processes that serve it, without the broker and the database server.
    pub(crate) processes: Vec<u32>,
    /// Connects, and calls for so long.
    pub(crate) run: Box<dyn Fn(Duration) -> BoxFuture<'a, Result<Sample, BoxError>> + 'a>,
}

impl<'a> Contender<'a> {
    /// One that is called on connections which are made anew for each run.
    pub(crate) fn new<C: Connection, F>(
        name: &'a str,
        processes: Vec<u32>,
        connect: impl Fn() -> F + 'a,
    ) -> Self
    where
        F: Future<Output = Result<Vec<C>, BoxError>> + Send + 'a,
    {
        let run = move |duration| -> BoxFuture<'a, _> {
            let connecting = connect();
            Box::pin(async move { run(connecting.await?, duration).await })
        };
        Self { name, processes, run: Box::new(run) }
    }
}

/// How long, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
}

impl Plan {
    /// What is asked for by `--rounds` and `--seconds`.
    pub(crate) fn of(arguments: &Arguments) -> Self {
        Self { rounds: arguments.rounds, duration: Duration::from_secs(arguments.seconds as u64) }
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

/// The median of each figure.
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
        // Pages that several have in common count once: processes of one program share most of its code.
        let status = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    processes.iter().filter_map(of).fold(0.0, std::ops::Add::add) / 1024.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Figures that follow from the rate.
    pub(crate) fn row(workload: &str, contender: &str, rate: f64) -> Row {
        let (workload, contender) = (workload.to_owned(), contender.to_owned());
        let p50 = 1000.0 / rate;
        Row { workload, contender, rate, p50, p99: p50 * 2.0, p999: p50 * 3.0, cpu: 1e6 / rate, memory: 8.0 }
    }

    #[test]
    fn the_median_of_each_figure_is_taken_by_itself() {
        let slow = Row { memory: 1.0, ..row("w", "c", 100.0) };
        let fast = Row { memory: 9.0, ..row("w", "c", 400.0) };
        let middle = median(vec![fast, row("w", "c", 200.0), slow]);
        assert_eq!((middle.rate, middle.p50, middle.memory), (200.0, 5.0, 8.0));
    }

    #[tokio::test]
    async fn contenders_take_turns_and_the_first_round_does_not_count() {
        let turns = &std::sync::Mutex::new(Vec::new());
        let contender = |name| Contender {
            name,
            processes: vec![std::process::id()],
            run: Box::new(move |_| {
                let mut turns = turns.lock().unwrap();
                turns.push(name);
                let rate = turns.len() as f64;
                Box::pin(async move { Ok(Sample { rate, p50: 1.0, p99: 1.0, p999: 1.0, calls: 1 }) })
            }),
        };
        let plan = Plan { rounds: 1, duration: Duration::ZERO };
        let rows = compare("w", &[contender("a"), contender("b")], plan).await.unwrap();
        assert_eq!(*turns.lock().unwrap(), ["a", "b", "b", "a"]);
        let rates: Vec<_> = rows.iter().map(|row| (&*row.contender, row.rate)).collect();
        assert_eq!(rates, [("a", 4.0), ("b", 3.0)]);
    }

    #[tokio::test]
    async fn a_call_that_fails_fails_the_comparison_by_name() {
        let run = Box::new(|_| -> BoxFuture<'_, _> { Box::pin(async { Err("refused".into()) }) });
        let contender = Contender { name: "c", processes: Vec::new(), run };
        let plan = Plan { rounds: 1, duration: Duration::ZERO };
        let refusal = compare("w", &[contender], plan).await.map(drop).unwrap_err();
        assert_eq!(refusal.to_string(), "w, c: refused");
    }
}
