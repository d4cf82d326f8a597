//! Measures the running mesh: real processes, called over real connections.
//!
//! ```text
//! bench [me]     GET /v1/users/me through the gateway beside the same RPC called directly on user-svc
//! bench turns    messages said and answered, in 32 counsels at once, on SQLite and on PostgreSQL
//! bench long     a turn and a page of messages in a counsel of 2,000 messages beside one of 20
//! bench orders   orders that are paid, by 32 buyers at once, with a provider that answers at once
//! bench ledger   a posting and the balances with 1,000,000 postings beside 1,000
//! bench telemetry    a read and a write with metrics, and a tenth of all traces or all of them, beside the same without
//!
//! --rounds N     rounds that count; what is told are medians of them
//! --seconds N    how long each run of a round takes (me, turns, orders, telemetry)
//! --messages N   messages of the long counsel (long)
//! --postings N   postings of the large ledger (ledger)
//! ```
//!
//! What is compared is measured in one run, in turn. Absolute figures are those of a machine.

mod compare;
mod conversation;
mod http;
mod ledger;
mod load;
mod long;
mod me;
mod mesh;
mod orders;
mod telemetry;
mod transactions;
mod turns;

use load::Arguments;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let arguments = Arguments::of_process();
    if cfg!(debug_assertions) {
        println!("built without optimisations: the figures say nothing about speed");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match arguments.command() {
            "me" => me::measure(&arguments).await,
            "turns" => Box::pin(turns::measure(&arguments)).await,
            "long" => Box::pin(long::measure(&arguments)).await,
            "orders" => Box::pin(orders::measure(&arguments)).await,
            "ledger" => Box::pin(ledger::measure(&arguments)).await,
            "telemetry" => Box::pin(telemetry::measure(&arguments)).await,
            other => {
                let known = "me, turns, long, orders, ledger or telemetry";
                Err(format!("there is no benchmark {other:?}: choose {known}").into())
            }
        }
    })
}
