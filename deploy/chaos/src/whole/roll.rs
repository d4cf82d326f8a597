//! `chaos roll`: one process after the other is asked to end and started anew, as an upgrade does, while people read and
//! write; nobody is to notice more than that a request took longer.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::Value;
use shared::testkit::{Engine, Killable};
use tokio::time::sleep;

use super::mesh::{Around, Mesh};
use super::rest::{Answer, Call, Rest, Unheard};
use super::times::{Made, Times};
use super::until_ready;
use super::visitor::Visitor;
use crate::BoxError;

/// How long everything runs undisturbed before the first process leaves, and after the last one is back.
const CALM: Duration = Duration::from_secs(3);
/// How long a process may take to leave.
const LEAVE: Duration = Duration::from_secs(10);
/// How long one may take to be ready.
const START: Duration = Duration::from_secs(60);
/// How often it is asked whether it is.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// How long somebody waits between two requests.
const THOUGHT: Duration = Duration::from_millis(50);
/// How many messages a guest says: no more than a guest may.
const MESSAGES: usize = 3;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many people read and write at once.
    pub people: usize,
    /// How often each process is restarted.
    pub rounds: u32,
    /// Where the services keep their data.
    pub engine: Engine,
}

/// A process that was restarted.
struct Restart {
    name: String,
    /// How long it took to leave; none when it had to be killed.
    left: Option<Duration>,
    /// How long it took to be ready.
    ready: Duration,
    /// From its signal until it was ready, since the start.
    window: Range<Duration>,
}

/// What requests saw while a process was restarted, or none.
struct Seen {
    times: Times,
    repeated: usize,
}

/// What came of it.
pub struct Report {
    options: Options,
    undisturbed: Seen,
    restarts: Vec<(Restart, Seen)>,
    all: Seen,
    /// What came in place of an answer, and how often.
    unheard: BTreeMap<String, usize>,
    /// Requests that were not done although they were repeated.
    pub failed: Vec<String>,
    /// Logs and history, kept if something failed.
    kept: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When the mesh cannot be run.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let upgradable = |_: &str, _, process: Killable| process.asked_to_end().with_metrics();
    let mesh = Box::pin(Mesh::start(options.engine, false, Around::default(), upgradable)).await?;
    let rest = Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?;
    until_ready(&rest).await?;

    let began = Instant::now();
    let is_over = AtomicBool::new(false);
    let disturb = async {
        let restarts = restart_all(&mesh, &rest, options.rounds, began).await;
        is_over.store(true, Ordering::Relaxed);
        restarts
    };
    let visits = try_join_all((0..options.people).map(|_| visit(&rest, began, &is_over)));
    let (restarts, visits) = tokio::join!(disturb, visits);
    let (restarts, visits) = (restarts?, visits?);

    let made: Vec<_> = visits.iter().flat_map(|visit| &visit.made).collect();
    let failed: Vec<_> = visits.iter().flat_map(|visit| visit.failed.iter().cloned()).collect();
    let mut unheard = BTreeMap::new();
    for told in made.iter().flat_map(|made| &made.unheard) {
        *unheard.entry(told.to_string()).or_default() += 1;
    }
    let is_disturbed = |made: &Made| restarts.iter().any(|restart| made.overlaps(&restart.window));
    let undisturbed = Seen::of(made.iter().copied().filter(|made| !is_disturbed(made)));
    let seen = |restart: Restart| {
        let seen = Seen::of(made.iter().copied().filter(|made| made.overlaps(&restart.window)));
        (restart, seen)
    };
    let all = Seen::of(made.iter().copied());
    let restarts = restarts.into_iter().map(seen).collect();
    let report = Report { options, undisturbed, restarts, all, unheard, failed, kept: None };
    let kept = (!report.is_clean()).then(|| mesh.keep());
    Ok(Report { kept, ..report })
}

impl Report {
    /// Whether every request was done in the end, and every process left in time.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.restarts.iter().all(|(restart, _)| restart.left.is_some())
    }

    /// How many processes were restarted, and how many requests were made meanwhile.
    pub fn restarted(&self) -> (usize, usize) {
        (self.restarts.len(), self.restarts.iter().map(|(_, seen)| seen.times.len()).sum())
    }
}

impl Seen {
    fn of<'a>(made: impl Iterator<Item = &'a Made> + Clone) -> Self {
        let repeated = made.clone().filter(|made| !made.unheard.is_empty()).count();
        Self { times: Times::of(made), repeated }
    }
}

/// Restarts one process after the other, each as soon as the one before is ready.
async fn restart_all(
    mesh: &Mesh,
    rest: &Rest,
    rounds: u32,
    began: Instant,
) -> Result<Vec<Restart>, BoxError> {
    let mut restarts = Vec::new();
    sleep(CALM).await;
    for _ in 0..rounds {
        for (number, (name, process)) in mesh.processes.iter().enumerate() {
            let name = format!("{name} {}", number % 2 + 1);
            let signal = began.elapsed();
            let left = process.leave(LEAVE).await;
            let gone = Instant::now();
            process.start();
            until_serving(rest, &name, process).await?;
            let window = signal..began.elapsed();
            restarts.push(Restart { name, left, ready: gone.elapsed(), window });
        }
    }
    sleep(CALM).await;
    Ok(restarts)
}

/// Waits until a process says that it should get requests, as an orchestrator does.
async fn until_serving(rest: &Rest, name: &str, process: &Killable) -> Result<(), BoxError> {
    let began = Instant::now();
    while !rest.is_ready(process.metrics_address()).await {
        if began.elapsed() > START {
            return Err(format!("{name} did not get ready").into());
        }
        sleep(ASK_AGAIN).await;
    }
    Ok(())
}

/// What one person did.
#[derive(Default)]
struct Visit {
    made: Vec<Made>,
    failed: Vec<String>,
}

/// Somebody who comes as a new guest again and again, talks, reads, and orders.
async fn visit(rest: &Rest, since: Instant, is_over: &AtomicBool) -> Result<Visit, BoxError> {
    let mut visit = Visit::default();
    while !is_over.load(Ordering::Relaxed) {
        let visitor = Visitor::sign_in(rest).await?;
        let opened = visit.make(&visitor, visitor.open(), since).await;
        let Some(counsel) = opened.as_ref().and_then(|data| data["counsel"]["id"].as_str()) else { continue };
        for _ in 0..MESSAGES {
            visit.make(&visitor, visitor.read("/v1/users/me"), since).await;
            visit.make(&visitor, visitor.say(counsel), since).await;
            visit.make(&visitor, visitor.read_messages(counsel), since).await;
        }
        for call in [visitor.rename(), visitor.read("/v1/products"), visitor.order()] {
            visit.make(&visitor, call, since).await;
        }
    }
    Ok(visit)
}

impl Visit {
    /// The data of the answer, if there was one that is a success.
    async fn make(&mut self, visitor: &Visitor<'_>, call: Call, since: Instant) -> Option<Value> {
        let (made, answer) = visitor.insist_politely(&call, since).await;
        let data = match answer {
            Answer::Done(data) => Some(data),
            Answer::Refused(..) | Answer::Unknown => {
                let told: Vec<_> = made.unheard.iter().map(Unheard::to_string).collect();
                let (path, told) = (call.path, told.join(", "));
                self.failed.push(format!("{} {path}: {answer:?} after [{told}]", call.method));
                None
            }
        };
        self.made.push(made);
        sleep(THOUGHT).await;
        data
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { people, rounds, engine } = self.options;
        writeln!(out, "\n{engine:?}, {people} people, each process restarted {rounds} times\n")?;
        let head =
            ["process", "leave s", "ready s", "requests", "repeated", "p50 ms", "p99 ms", "longest ms"];
        row(out, head.map(str::to_owned))?;
        let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
        for (restart, seen) in &self.restarts {
            let left = restart.left.map_or("killed".to_owned(), seconds);
            row(out, seen.cells(restart.name.clone(), left, seconds(restart.ready)))?;
        }
        row(out, self.undisturbed.cells("undisturbed".to_owned(), String::new(), String::new()))?;
        row(out, self.all.cells("all".to_owned(), String::new(), String::new()))?;
        for (what, number) in &self.unheard {
            writeln!(out, "  {number:>6} × {what}, and repeated")?;
        }
        writeln!(out, "  {:>6} requests failed although they were repeated", self.failed.len())?;
        for failed in self.failed.iter().take(20) {
            writeln!(out, "         {failed}")?;
        }
        self.kept
            .as_ref()
            .map_or(Ok(()), |kept| writeln!(out, "         logs and history in {}", kept.display()))
    }
}

impl Seen {
    fn cells(&self, name: String, left: String, ready: String) -> [String; 8] {
        let [median, most, last] =
            [50, 99, 100].map(|percent| format!("{:.0}", self.times.at(percent).as_secs_f64() * 1000.0));
        let (requests, repeated) = (self.times.len().to_string(), self.repeated.to_string());
        [name, left, ready, requests, repeated, median, most, last]
    }
}

fn row(out: &mut fmt::Formatter<'_>, [name, cells @ ..]: [String; 8]) -> fmt::Result {
    write!(out, "  {name:<17}")?;
    for cell in cells {
        write!(out, " {cell:>10}")?;
    }
    writeln!(out)
}
