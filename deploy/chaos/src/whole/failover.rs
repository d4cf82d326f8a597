//! `chaos failover`: the server that leads the broker's streams dies while people write; how long they wait for it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use http::Method;
use serde_json::{Value, json};
use shared::id::new_id;
use shared::testkit::{Engine, NatsCluster};
use tokio::time::sleep;

use super::mesh::{Brokers, Mesh};
use super::rest::{Answer, Call, Rest};
use super::until_ready;
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

/// A request with all its repeats.
struct Written {
    /// Since the start.
    began: Duration,
    /// From the first attempt to the answer.
    took: Duration,
    is_done: bool,
}

/// What came of it.
pub struct Report {
    options: Options,
    /// How long requests took that were answered while all servers ran, and those that met a death.
    undisturbed: Vec<Duration>,
    disturbed: Vec<Duration>,
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
    // Nobody pays here, so nothing has to listen.
    let mesh = Box::pin(Mesh::start(options.engine, true, "http://127.0.0.1:1", None)).await?;
    let Brokers::Three(cluster) = &mesh.brokers else { return Err("there is no cluster".into()) };
    let rest = Arc::new(Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?);
    until_ready(&rest).await?;
    let writers = try_join_all((0..options.people).map(|_| Writer::sign_in(&rest))).await?;

    let began = Instant::now();
    let until = began + 2 * ROUND * options.deaths;
    let (deaths, written) = tokio::join!(
        kill_leaders(cluster, options.deaths, began),
        join_all(writers.iter().map(|writer| writer.write(began, until))),
    );
    let written: Vec<Written> = written.into_iter().flatten().collect();
    let met = |written: &&Written, death: Duration| {
        written.began < death + ROUND && written.began + written.took > death
    };
    let (disturbed, undisturbed): (Vec<_>, Vec<_>) =
        written.iter().partition(|written| deaths.iter().any(|death| met(written, *death)));
    let times = |written: Vec<&Written>| {
        let mut times: Vec<_> = written.into_iter().map(|written| written.took).collect();
        times.sort_unstable();
        times
    };
    let failed = written.iter().filter(|written| !written.is_done).count();
    Ok(Report {
        options,
        undisturbed: times(undisturbed),
        disturbed: times(disturbed),
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
fn gap(written: &[Written], death: Duration) -> Duration {
    let answers =
        written.iter().filter(|written| written.is_done).map(|written| written.began + written.took);
    let mut answers: Vec<_> = answers.filter(|at| (death..death + ROUND).contains(at)).collect();
    answers.push(death);
    answers.push(death + ROUND);
    answers.sort_unstable();
    answers.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// Somebody who writes all the time.
struct Writer<'a> {
    rest: &'a Rest,
    token: String,
    counsels: String,
}

impl<'a> Writer<'a> {
    async fn sign_in(rest: &'a Rest) -> Result<Self, BoxError> {
        let ask = async |method, path: &str, token: Option<String>| {
            let call = Call { method, path: path.to_owned(), token, key: None, body: None };
            match rest.insist(&call).await {
                Answer::Done(data) => Ok(data),
                other => Err(BoxError::from(format!("{path}: {other:?}"))),
            }
        };
        let session = ask(Method::POST, "/v1/auth/initiate", None).await?;
        let token = text(&session["accessToken"])?;
        let counselors = ask(Method::GET, "/v1/counselors", Some(token.clone())).await?;
        let counsels = format!("/v1/counselors/{}/counsels", text(&counselors["counselors"][0]["id"])?);
        Ok(Self { rest, token, counsels })
    }

    /// In turn a counsel with a key and a profile.
    async fn write(&self, since: Instant, until: Instant) -> Vec<Written> {
        let mut written = Vec::new();
        while Instant::now() < until {
            let call = if written.len() % 2 == 0 {
                self.call(Method::POST, &self.counsels, Some(new_id()), json!({}))
            } else {
                self.call(
                    Method::PUT,
                    "/v1/users/me",
                    None,
                    json!({ "nickname": format!("n{}", &new_id()[28..]) }),
                )
            };
            let began = since.elapsed();
            let is_done = matches!(self.rest.insist(&call).await, Answer::Done(_));
            written.push(Written { began, took: since.elapsed() - began, is_done });
            sleep(THOUGHT).await;
        }
        written
    }

    fn call(&self, method: Method, path: &str, key: Option<String>, body: Value) -> Call {
        Call { method, path: path.to_owned(), token: Some(self.token.clone()), key, body: Some(body) }
    }
}

fn text(value: &Value) -> Result<String, BoxError> {
    value.as_str().map(str::to_owned).ok_or_else(|| "an answer without a text that has to be there".into())
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { people, deaths, engine } = self.options;
        writeln!(
            out,
            "\n{engine:?}, three brokers, {people} people, {deaths} deaths of the leader of {STREAM}"
        )?;
        for (what, times) in [("undisturbed", &self.undisturbed), ("around a death", &self.disturbed)] {
            let at = |percent: usize| {
                let last = times.len().saturating_sub(1);
                times.get(last * percent / 100).map_or(0.0, Duration::as_secs_f64)
            };
            let [median, most, last] = [50, 99, 100].map(at);
            writeln!(
                out,
                "  {:>6} requests {what}: median {median:.3} s, p99 {most:.3} s, longest {last:.3} s",
                times.len()
            )?;
        }
        let gaps: Vec<_> = self.gaps.iter().map(|gap| format!("{:.2} s", gap.as_secs_f64())).collect();
        writeln!(out, "  nobody was answered for at most {} after each death", gaps.join(", "))?;
        writeln!(out, "  {:>6} requests failed although they were repeated", self.failed)?;
        self.kept
            .as_ref()
            .map_or(Ok(()), |kept| writeln!(out, "         logs and history in {}", kept.display()))
    }
}
