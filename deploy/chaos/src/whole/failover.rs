//! `chaos failover`: the server that leads the broker's streams dies while people write; how long they wait for it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use shared::testkit::{Engine, NatsCluster};
use tokio::time::sleep;

use super::mesh::{Around, Brokers, Mesh};
use super::rest::Rest;
use super::times::{Made, Times};
use super::until_ready;
use super::visitor::Visitor;
use crate::BoxError;

/// The stream whose leader dies.
const STREAM: &str = "COUNSELS";
/// How long the mesh runs undisturbed before each death, and with a server less after it.
const ROUND: Duration = Duration::from_secs(6);
/// For how long nobody may be answered.
const LONGEST_GAP: Duration = Duration::from_secs(5);
/// How long somebody waits between two requests.
const THOUGHT: Duration = Duration::from_millis(50);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many people write at once.
    pub people: usize,
    /// How often a leader dies.
    pub deaths: u32,
    /// Where the services keep their data.
    pub engine: Engine,
}

/// What came of it.
pub struct Report {
    options: Options,
    /// How long requests took that were answered while all servers ran, and those that met a death.
    undisturbed: Times,
    disturbed: Times,
    /// Of each death, the longest time in which nobody was answered.
    pub gaps: Vec<Duration>,
    /// Requests that were not done although they were repeated.
    pub failed: usize,
    /// Logs and history, kept if requests failed.
    kept: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When the mesh cannot be run.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let mesh =
        Box::pin(Mesh::start(options.engine, true, Around::default(), |_, _, process| process)).await?;
    let Brokers::Three(cluster) = &mesh.brokers else { return Err("there is no cluster".into()) };
    let rest = Arc::new(Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?);
    until_ready(&rest).await?;
    let visitors = try_join_all((0..options.people).map(|_| Visitor::sign_in(&rest))).await?;

    let began = Instant::now();
    let until = began + 2 * ROUND * options.deaths;
    let (deaths, written) = tokio::join!(
        kill_leaders(cluster, options.deaths, began),
        join_all(visitors.iter().map(|visitor| write(visitor, began, until))),
    );
    let written: Vec<Made> = written.into_iter().flatten().collect();
    let (disturbed, undisturbed): (Vec<_>, Vec<_>) = written
        .iter()
        .partition(|written| deaths.iter().any(|death| written.overlaps(&(*death..*death + ROUND))));
    let failed = written.iter().filter(|written| !written.is_done).count();
    Ok(Report {
        options,
        undisturbed: Times::of(undisturbed),
        disturbed: Times::of(disturbed),
        gaps: deaths.iter().map(|death| gap(&written, *death)).collect(),
        failed,
        kept: (failed > 0).then(|| mesh.keep()),
    })
}

impl Report {
    /// Whether every request was done in the end, and nobody waited for long.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.gaps.iter().all(|gap| *gap < LONGEST_GAP)
    }
}

/// Kills whoever leads, and lets it come back a round later: when each died.
async fn kill_leaders(cluster: &NatsCluster, deaths: u32, began: Instant) -> Vec<Duration> {
    let mut died = Vec::new();
    for _ in 0..deaths {
        sleep(ROUND).await;
        let leader = cluster.leader_of(STREAM).await.unwrap_or_default();
        died.push(began.elapsed());
        cluster.kill(leader);
        sleep(ROUND).await;
        cluster.resume(leader);
    }
    died
}

/// The longest time after a death in which nobody was answered.
fn gap(written: &[Made], death: Duration) -> Duration {
    let answers =
        written.iter().filter(|written| written.is_done).map(|written| written.began + written.took);
    let mut answers: Vec<_> = answers.filter(|at| (death..death + ROUND).contains(at)).collect();
    answers.push(death);
    answers.push(death + ROUND);
    answers.sort_unstable();
    answers.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// In turn a counsel with a key and a profile, all the time.
async fn write(visitor: &Visitor<'_>, since: Instant, until: Instant) -> Vec<Made> {
    let mut made = Vec::new();
    while Instant::now() < until {
        let call = if made.len() % 2 == 0 { visitor.open() } else { visitor.rename() };
        made.push(visitor.insist(&call, since).await);
        sleep(THOUGHT).await;
    }
    made
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { people, deaths, engine } = self.options;
        writeln!(
            out,
            "\n{engine:?}, three brokers, {people} people, {deaths} deaths of the leader of {STREAM}"
        )?;
        for (what, times) in [("undisturbed", &self.undisturbed), ("around a death", &self.disturbed)] {
            writeln!(out, "  {:>6} requests {what}: {times}", times.len())?;
        }
        let gaps: Vec<_> = self.gaps.iter().map(|gap| format!("{:.2} s", gap.as_secs_f64())).collect();
        writeln!(out, "  nobody was answered for at most {} after each death", gaps.join(", "))?;
        writeln!(out, "  {:>6} requests failed although they were repeated", self.failed)?;
        self.kept
            .as_ref()
            .map_or(Ok(()), |kept| writeln!(out, "         logs and history in {}", kept.display()))
    }
}
