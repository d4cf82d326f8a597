//! `chaos payments`: random orders under stress; then money and tokens have to add up everywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payment_svc::sandbox::{Sandbox, SandboxSettings};
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::config::Secret;
use shared::testkit::Engine;

use crate::BoxError;
use crate::checker::{Books, Sources, Violations, check, check_unspent, until_quiet};
use crate::mesh::{Mesh, PROVIDER_LIMIT};
use crate::nemesis::{Faults, NoticeDesk, Wire, disturb};
use crate::workload::{self, Calls, Done};

/// How long quiet is waited for at least: orders that nobody pays expire first.
const QUIET: Duration = Duration::from_secs(40);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Decides what happens.
    pub seed: u64,
    /// How many orders.
    pub orders: usize,
    /// How long it may take. Orders are begun during two thirds of it; what is left is for coming to rest.
    pub limit: Duration,
    /// Where the services keep their data.
    pub engine: Engine,
}

/// What came of it.
pub struct Report {
    /// What was to be done.
    pub options: Options,
    /// How many orders there were.
    pub orders: usize,
    /// How many orders came to each state.
    pub states: BTreeMap<&'static str, usize>,
    /// How many calls were made of payment-svc.
    pub operations: u64,
    /// What went wrong, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// What is not as it has to be.
    pub violations: Vec<String>,
    /// What the processes logged, kept if there are violations.
    pub logs: Option<PathBuf>,
    /// How long it took to buy, to come to rest, and in all.
    pub took: [Duration; 3],
}

/// Runs it on one database.
///
/// # Errors
/// When the mesh cannot be run; what it does wrong is in the report.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let began = Instant::now();
    let Options { seed, orders, limit, engine } = options;
    let chance = |salt: u64| StdRng::seed_from_u64(seed.rotate_left(16) ^ salt);
    let faults = Faults::default();
    let folder = tempfile::Builder::new().prefix("mesh-chaos-").tempdir()?;
    let journal = folder.path().join("sandbox.jsonl");
    let desk = NoticeDesk::start(seed, faults.clone()).await?;
    let wire = Wire::start(seed, faults.clone()).await?;
    let sandbox = Arc::new(provider(&desk, journal.clone()).await?);
    wire.lead_to(sandbox.url());
    let mesh = Box::pin(Mesh::start(engine, folder, &wire.url)).await?;
    let calls = Calls::new(&mesh)?;
    desk.pass_on_by(calls.clone());
    let users = workload::sign_up(&calls, (orders / 20).clamp(5, 200)).await?;

    // The longer the run, the more is bought between two faults, and the more is under way when the next one comes.
    let apart = (limit / 50).max(Duration::from_millis(800));
    let buying = Instant::now();
    let buy = async {
        let done = workload::buy(&calls, &sandbox, &users, seed, orders, buying + limit * 2 / 3).await;
        faults.end();
        done
    };
    let (done, (), ()) =
        tokio::join!(buy, disturb(&mesh, chance(1), apart, &faults), wire.disturb(chance(2)));
    let bought = buying.elapsed();

    let resting = Instant::now();
    let mut violations = Violations::default();
    if let Some(left) = until_quiet(&mesh.work(), QUIET.max(limit / 3)).await {
        violations.add(format!("not quiet after {:?}: {left}", resting.elapsed()));
    }
    let rested = resting.elapsed();
    reconcile(&mesh, &mut violations);
    let ledger = tokio::task::block_in_place(|| mesh.payment_svc[0].ask(&["ledger"]));
    let (payments, users, nats) = (&mesh.payments, &mesh.users, &mesh.nats.connect().await);
    let books = Books::read(Sources { payments, users, nats, journal: &journal, ledger }).await?;
    check(&books, &done.memories, &mut violations);
    check_unspent(&books, &mut violations);
    Ok(report(
        options,
        mesh,
        done,
        &books,
        &faults,
        violations.into_inner(),
        [bought, rested, began.elapsed()],
    ))
}

async fn provider(desk: &NoticeDesk, journal: PathBuf) -> Result<Sandbox, BoxError> {
    let settings = SandboxSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        key: Secret::new("sandbox"),
        notice_secret: Secret::new("sandbox"),
        notice_url: Some(desk.url.clone()),
        journal: Some(journal),
        // Late is twenty times as long: longer than payment-svc waits.
        patience: PROVIDER_LIMIT / 10,
    };
    Ok(Sandbox::start(settings).await?)
}

/// Compares every order with the provider. The mesh has come to rest by itself, so there is nothing to be found.
fn reconcile(mesh: &Mesh, violations: &mut Violations) {
    let found = tokio::task::block_in_place(|| mesh.payment_svc[0].ask(&["reconcile"]));
    if !found.contains(" 0 repaired, 0 reported, 0 unanswered") {
        violations.add(format!("the comparison with the provider has found something: {}", found.trim()));
    }
}

fn report(
    options: Options,
    mesh: Mesh,
    done: Done,
    books: &Books,
    faults: &Faults,
    violations: Vec<String>,
    took: [Duration; 3],
) -> Report {
    let mut states = BTreeMap::new();
    for order in books.orders.values() {
        *states.entry(order.state.as_str_name()).or_default() += 1;
    }
    let logs = (!violations.is_empty()).then(|| mesh.keep_logs());
    let (orders, operations) = (books.orders.len(), done.operations);
    Report { options, orders, states, operations, faults: faults.counts(), violations, logs, took }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { seed, orders, engine, .. } = self.options;
        let [bought, rested, all] = self.took.map(|took| took.as_secs_f64());
        writeln!(out, "\n{engine:?}, seed {seed}")?;
        writeln!(out, "  {:>6} orders of {orders}, {} calls of payment-svc", self.orders, self.operations)?;
        for (state, number) in &self.states {
            writeln!(out, "  {number:>6} {}", state.trim_start_matches("ORDER_STATE_").to_lowercase())?;
        }
        for (what, number) in &self.faults {
            writeln!(out, "  {number:>6} × {what}")?;
        }
        writeln!(out, "  {bought:.1} s of buying, {rested:.1} s until it was quiet, {all:.1} s in all")?;
        writeln!(out, "  {:>6} violations", self.violations.len())?;
        for violation in self.violations.iter().take(50) {
            writeln!(out, "         {violation}")?;
        }
        self.logs.as_ref().map_or(Ok(()), |logs| writeln!(out, "         logs in {}", logs.display()))
    }
}
