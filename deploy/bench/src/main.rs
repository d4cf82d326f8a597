//! Measures the running mesh: `bench --help` tells what and how.

mod arguments;
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

use arguments::Arguments;
use clap::Parser;
use compare::{Plan, Row};
use facts::Measured;
use futures::future::LocalBoxFuture;
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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((bytes::COMMAND, words)) = words.split_first().map(|(command, rest)| (&**command, rest)) {
        return runtime.block_on(bytes::serve(words));
    }
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        println!("built without optimisations: the figures say nothing about speed");
    }
    runtime.block_on(async {
        match &*arguments.command {
            "all" => report(&arguments, &WORKLOADS.map(|(_, workload)| workload)).await,
            "me" => report(&arguments, &[|arguments| rows(me::measure(arguments))]).await,
            "turns" => Box::pin(turns::measure(&arguments)).await,
            "long" => Box::pin(long::measure(&arguments)).await,
            "orders" => Box::pin(orders::measure(&arguments)).await,
            "ledger" => Box::pin(ledger::measure(&arguments)).await,
            "telemetry" => Box::pin(telemetry::measure(&arguments)).await,
            other => match WORKLOADS.iter().find(|(name, _)| *name == other) {
                Some((_, workload)) => report(&arguments, &[*workload]).await,
                None => Err(format!("{other} is not measured").into()),
            },
        }
    })
}

/// Measures these workloads, one after the other, and tells what came of them.
async fn report(arguments: &Arguments, workloads: &[Workload]) -> Result<(), BoxError> {
    let plan = Plan::of(arguments);
    let mut measured = Measured::default();
    let mut failed = None;
    for workload in workloads {
        match workload(arguments).await {
            Ok(Measured { rows, facts }) => {
                measured.rows.extend(rows);
                measured.facts.extend(facts);
            }
            // What was measured before may have taken long, and is good.
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    Report::new(&arguments.command, plan, measured)?.tell(arguments)?;
    failed.map_or(Ok(()), Err)
}
