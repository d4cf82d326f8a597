//! Measures the running mesh: real processes, called over real connections.
//!
//! ```text
//! bench all          every one of these, up to growth
//! bench [read]       GET /v1/users/me through the gateway, beside the same RPC called directly on user-svc, a bare axum
//!                    route, and Fastify and Envoy in the gateway's place
//! bench list         50 messages of a counsel through the gateway, beside the same RPC called directly
//! bench write        messages that are answered, in 32 counsels, beside a row inserted and an event acknowledged
//! bench mixed        nine reads and a message in turn, by 32 at once
//! bench sign-in      new guests, and sessions that go on with the next tokens
//! bench churn        GET /v1/users/me on a new connection each time, beside a bare axum route
//! bench feeds        2,000 feeds that are told of messages, and what the mesh has in memory with them
//! bench events       events from the outbox to their effect in another service, beside events that are only published
//! bench idle         how long a mesh takes to start, and what it has in memory
//! bench growth       read, list, write and sign-in with 1,000,000 users, counsels and events beside 1,000
//! bench me           GET /v1/users/me on gateways that remember tokens and on those that do not
//! bench turns        messages said and answered, in 32 counsels at once, on SQLite and on PostgreSQL
//! bench long         a turn and a page of messages in a counsel of 2,000 messages beside one of 20
//! bench orders       orders that are paid, by 32 buyers at once, with a provider that answers at once
//! bench ledger       a posting and the balances with 1,000,000 postings beside 1,000
//! bench telemetry    a read and a write with metrics, and a tenth of all traces or all of them, beside the same without
//!
//! --rounds N     rounds that count; what is told are medians of them
//! --seconds N    how long each run of a round takes (all but long and ledger)
//! --out FOLDER   where the report is written as JSON and as a picture, in place of target/bench (all, read, me)
//! --feeds N      feeds at once (feeds)
//! --events N     events of each run (events)
//! --stored N     users, counsels and events when much is stored (growth)
//! --messages N   messages of the long counsel (long)
//! --postings N   postings of the large ledger (ledger)
//! ```
//!
//! What is compared is measured in one run, in turn. Absolute figures are those of a machine.

mod bars;
mod bytes;
mod chart;
mod compare;
mod conversation;
mod events;
mod facts;
mod feeds;
mod growth;
mod http;
mod idle;
mod ledger;
mod limits;
mod load;
mod long;
mod me;
mod mesh;
mod orders;
mod peers;
mod read;
mod report;
mod sign_in;
mod stored;
mod telemetry;
mod transactions;
mod turns;
mod workloads;

use compare::{Plan, Row};
use facts::Measured;
use futures::future::LocalBoxFuture;
use load::Arguments;
use report::Report;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Compares contenders under one kind of load.
type Workload = fn(&Arguments) -> LocalBoxFuture<'_, Result<Measured, BoxError>>;

/// What `all` measures, in this order; each is a command of its own, too.
const WORKLOADS: [(&str, Workload); 10] = [
    ("read", |arguments| rows(read::measure(arguments))),
    ("list", |arguments| rows(workloads::list(arguments))),
    ("write", |arguments| rows(workloads::write(arguments))),
    ("mixed", |arguments| rows(workloads::mixed(arguments))),
    ("sign-in", |arguments| rows(sign_in::measure(arguments))),
    ("churn", |arguments| rows(workloads::churn(arguments))),
    ("feeds", |arguments| Box::pin(feeds::measure(arguments))),
    ("events", |arguments| Box::pin(events::measure(arguments))),
    ("idle", |arguments| Box::pin(idle::measure(arguments))),
    ("growth", |arguments| Box::pin(growth::measure(arguments))),
];

/// Of a workload that has rows only.
fn rows<'a>(
    measuring: impl Future<Output = Result<Vec<Row>, BoxError>> + 'a,
) -> LocalBoxFuture<'a, Result<Measured, BoxError>> {
    Box::pin(async { Ok(measuring.await?.into()) })
}

fn main() -> Result<(), BoxError> {
    let arguments = Arguments::of_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if arguments.command() == bytes::COMMAND {
        return runtime.block_on(bytes::serve(&arguments));
    }
    if cfg!(debug_assertions) {
        println!("built without optimisations: the figures say nothing about speed");
    }
    runtime.block_on(async {
        match arguments.command() {
            "all" => report(&arguments, &WORKLOADS.map(|(_, workload)| workload)).await,
            "me" => report(&arguments, &[|arguments| rows(me::measure(arguments))]).await,
            "turns" => Box::pin(turns::measure(&arguments)).await,
            "long" => Box::pin(long::measure(&arguments)).await,
            "orders" => Box::pin(orders::measure(&arguments)).await,
            "ledger" => Box::pin(ledger::measure(&arguments)).await,
            "telemetry" => Box::pin(telemetry::measure(&arguments)).await,
            other => match WORKLOADS.iter().find(|(name, _)| *name == other) {
                Some((_, workload)) => report(&arguments, &[*workload]).await,
                None => {
                    let compared = WORKLOADS.map(|(name, _)| name).join(", ");
                    let known = format!("all, {compared}, me, turns, long, orders, ledger or telemetry");
                    Err(format!("there is no benchmark {other:?}: choose {known}").into())
                }
            },
        }
    })
}

/// Measures these workloads, one after the other, and tells what came of them.
async fn report(arguments: &Arguments, workloads: &[Workload]) -> Result<(), BoxError> {
    let plan = Plan::of(arguments)?;
    let mut measured = Measured::default();
    for workload in workloads {
        let Measured { rows, facts } = workload(arguments).await?;
        measured.rows.extend(rows);
        measured.facts.extend(facts);
    }
    Report::new(arguments.command(), plan, measured)?.tell(arguments)
}
