//! `chaos mesh`: many people use the whole mesh through its gateways while everything that can fail does; then all that
//! they were told has to be true, and all services have to agree.

mod admin;
mod check;
pub mod failover;
mod mesh;
mod nemesis;
pub mod overload;
mod person;
mod rest;
pub mod roll;
mod times;
mod visitor;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::testkit::{Engine, Killable};
use tokio::time::sleep;

use crate::BoxError;
use crate::checker::{Violations, until_quiet};
use crate::nemesis::{Faults, Models, Wire};
use mesh::{Around, Mesh};
use person::{Account, Person};
use rest::{Answer, Call, Rest};

/// How long the mesh may take to start.
const START: Duration = Duration::from_secs(60);
/// How long quiet is waited for: orders that nobody pays expire first, and an answer that died with its process is given up
/// after a minute.
const QUIET: Duration = Duration::from_secs(90);
/// How long a server of the broker that was behind may take to have everything.
const CATCH_UP: Duration = Duration::from_secs(20);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides what happens.
    pub seed: u64,
    /// How many people act at once.
    pub people: usize,
    /// How long they act.
    pub acting: Duration,
    /// Where the services keep their data.
    pub engine: Engine,
    /// Whether the broker is a cluster of three servers.
    pub is_cluster: bool,
    /// A service that is broken on purpose, and how: see `shared::sabotage`.
    pub broken: Option<(&'static str, &'static str)>,
    /// Where the binaries of another build are. One of two instances of everything begins as it, and is upgraded.
    pub old: Option<PathBuf>,
    /// Whether small disks can be mounted, to be filled: see [`crate::nemesis::has_own_mounts`].
    pub has_disks: bool,
}

/// What came of it.
pub struct Report {
    /// What was to be done.
    pub options: Options,
    /// How many accounts there were.
    pub accounts: usize,
    /// How many requests were made, and of how many nothing was heard.
    pub requests: (u64, u64),
    /// How many things of each kind were compared.
    pub compared: BTreeMap<&'static str, usize>,
    /// What went wrong, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// Whether disks could be filled.
    pub has_full_disks: bool,
    /// Whether clocks could be moved and disks slowed down.
    pub has_hosts: bool,
    /// What is not as it has to be.
    pub violations: Vec<String>,
    /// Logs and history, kept if there are violations.
    pub kept: Option<PathBuf>,
    /// How long it took to start, to act, to come to rest, and to compare.
    pub took: [Duration; 4],
}

/// Runs it.
///
/// # Errors
/// When the mesh cannot be run; what it does wrong is in the report.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let began = Instant::now();
    let Options { seed, people, acting, engine, is_cluster, broken, ref old, has_disks } = options;
    let chance = |salt: u64| StdRng::seed_from_u64(seed.rotate_left(16) ^ salt);
    let faults = Faults::default();
    let wire = Wire::start(seed, faults.clone()).await?;
    let models = Models::start(seed, faults.clone()).await;
    let each = |name: &str, number, process: Killable| match (broken, old) {
        (Some((service, sabotage)), _) if service == name => process.broken(service, sabotage),
        (_, Some(old)) if number == 1 => process.older(old.join(name)),
        _ => process,
    };
    let models_environment = models.environment();
    let around = Around {
        provider_url: Some(&wire.url),
        models: &models_environment,
        has_lines: true,
        has_disks,
        has_hosts: true,
    };
    let mesh = Box::pin(Mesh::start(engine, is_cluster, around, each)).await?;
    wire.lead_to(mesh.sandbox.url());
    let rest = Arc::new(Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?);
    if let Err(error) = until_ready(&rest).await {
        return Err(format!("{error}; logs in {}", mesh.keep().display()).into());
    }

    let started = began.elapsed();
    let acted = Instant::now();
    let until = acted + acting;
    let apart = (acting / 40).clamp(Duration::from_millis(500), Duration::from_secs(4));
    let act = async {
        let lives = (0..people).map(|number| {
            let chance = chance(1000 + number as u64);
            Person::new(&mesh, rest.clone(), chance, until).live()
        });
        let lives = join_all(lives);
        let end = async {
            sleep(acting).await;
            faults.end();
        };
        tokio::join!(lives, end).0
    };
    let upgrade = async {
        sleep(acting / 3).await;
        nemesis::upgrade(&mesh, acting / 10, &faults).await;
    };
    let (accounts, (), (), (), ()) = tokio::join!(
        act,
        Box::pin(nemesis::disturb(&mesh, chance(1), apart, broken.map(|(service, _)| service), &faults)),
        wire.disturb(chance(2)),
        models.disturb(chance(3)),
        upgrade,
    );
    let accounts: Vec<Account> = accounts.into_iter().flatten().collect();
    let acted = acted.elapsed();

    let resting = Instant::now();
    let mut violations = Violations::default();
    if let Some(left) = until_quiet(&mesh.work(), QUIET).await {
        violations.add(format!("not quiet after {:?}: {left}", resting.elapsed()));
    }
    let rested = resting.elapsed();
    let comparing = Instant::now();
    let compared = Box::pin(compare(&mesh, &accounts, &mut violations)).await?;
    let violations = violations.into_inner();
    let requests = rest.made();
    let (has_full_disks, has_hosts) = (!mesh.disks.is_empty(), !mesh.hosts.is_empty());
    let kept = (!violations.is_empty()).then(|| mesh.keep());
    let took = [started, acted, rested, comparing.elapsed()];
    let faults = faults.counts();
    let accounts = accounts.len();
    Ok(Report {
        options,
        accounts,
        requests,
        compared,
        faults,
        has_full_disks,
        has_hosts,
        violations,
        kept,
        took,
    })
}

/// Compares everything, again and again until it is as it has to be: how many things of each kind.
///
/// A server of a cluster answers from what it has, and one that was cut off has less for a while: what it does not tell
/// of, or has not delivered, may be late. What is wrong stays wrong.
async fn compare(
    mesh: &Mesh,
    accounts: &[Account],
    violations: &mut Violations,
) -> Result<BTreeMap<&'static str, usize>, BoxError> {
    let began = Instant::now();
    loop {
        let mut found = Violations::default();
        let compared = Box::pin(check::check(mesh, accounts, &mut found)).await;
        let found = found.into_inner();
        if began.elapsed() > CATCH_UP || (compared.is_ok() && found.is_empty()) {
            found.into_iter().for_each(|violation| violations.add(violation));
            return compared;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until a guest can reach every service.
async fn until_ready(rest: &Rest) -> Result<(), BoxError> {
    let began = Instant::now();
    let call = |method, path: &str, token: Option<String>| Call {
        method,
        path: path.to_owned(),
        token,
        key: None,
        body: None,
    };
    loop {
        if let Answer::Done(data) = rest.call(&call(Method::POST, "/v1/auth/initiate", None)).await {
            let token = data["accessToken"].as_str().map(str::to_owned);
            let mut answers = 0;
            for path in ["/v1/counselors", "/v1/products"] {
                let answer = rest.call(&call(Method::GET, path, token.clone())).await;
                answers += usize::from(matches!(answer, Answer::Done(_)));
            }
            if answers == 2 {
                return Ok(());
            }
        }
        if began.elapsed() > START {
            return Err("the mesh did not get ready".into());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { seed, people, engine, is_cluster, .. } = self.options;
        let broker = if is_cluster { "three brokers" } else { "one broker" };
        let [started, acted, rested, compared] = self.took.map(|took| took.as_secs_f64());
        let (requests, unknown) = self.requests;
        writeln!(out, "\n{engine:?}, {broker}, seed {seed}")?;
        writeln!(out, "  {people:>6} people with {} accounts", self.accounts)?;
        writeln!(out, "  {requests:>6} requests, {unknown} without an answer that said something")?;
        for (what, number) in &self.faults {
            writeln!(out, "  {number:>6} × {what}")?;
        }
        if !self.has_full_disks {
            let reason = if self.options.has_disks {
                "there are none for PostgreSQL and a cluster"
            } else {
                "mounting small ones takes root on Linux"
            };
            writeln!(out, "         no disk was filled: {reason}")?;
        }
        if !self.has_hosts {
            writeln!(out, "         no clock was moved and no disk was slow: that takes Linux")?;
        }
        for (what, number) in &self.compared {
            writeln!(out, "  {number:>6} {what} compared")?;
        }
        writeln!(
            out,
            "  {started:.1} s to start, {acted:.1} s of use, {rested:.1} s until it was quiet, {compared:.1} s to compare"
        )?;
        writeln!(out, "  {:>6} violations", self.violations.len())?;
        for violation in self.violations.iter().take(50) {
            writeln!(out, "         {violation}")?;
        }
        self.kept
            .as_ref()
            .map_or(Ok(()), |kept| writeln!(out, "         logs and history in {}", kept.display()))
    }
}
