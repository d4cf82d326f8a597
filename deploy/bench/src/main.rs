//! `GET /v1/users/me` through the gateway beside the same RPC called directly on user-svc, in one run.
//!
//! Both are called by the same loop over the same number of connections, in turn, several times; what counts is the
//! ratio of the medians, since absolute figures are those of the machine.

mod load;
mod mesh;

use std::time::Duration;

use load::{Sample, run};
use mesh::Mesh;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const CONNECTIONS: usize = 64;

struct Plan {
    rounds: usize,
    seconds: u64,
}

fn main() -> Result<(), BoxError> {
    let plan = Plan { rounds: argument("--rounds", 5)?, seconds: argument("--seconds", 4)? };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(measure(&plan))
}

fn argument<T: std::str::FromStr>(name: &str, default: T) -> Result<T, BoxError>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == name) {
        Some(index) => {
            let value = arguments.get(index + 1).ok_or_else(|| format!("{name} needs a value"))?;
            Ok(value.parse()?)
        }
        None => Ok(default),
    }
}

async fn measure(plan: &Plan) -> Result<(), BoxError> {
    let mesh = Mesh::start().await?;
    let duration = Duration::from_secs(plan.seconds);
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    // The first round warms up and does not count.
    for round in 0..=plan.rounds {
        let rpc = run(CONNECTIONS, duration, async || mesh.rpc().await).await?;
        let rest = run(CONNECTIONS, duration, async || mesh.rest().await).await?;
        if round > 0 {
            direct.push(rpc);
            through.push(rest);
        }
    }
    let (direct, through) = (Sample::median(direct), Sample::median(through));
    println!("{CONNECTIONS} connections, median of {} runs of {} s in turn", plan.rounds, plan.seconds);
    println!("{:<34}{:>12}{:>12}{:>12}", "", "calls/s", "p50 ms", "p99 ms");
    for (name, sample) in [("GetUser on user-svc", &direct), ("GET /v1/users/me on the gateway", &through)] {
        println!("{name:<34}{:>12.0}{:>12.2}{:>12.2}", sample.rate, sample.p50, sample.p99);
    }
    println!("ratio of rates: {:.2}", through.rate / direct.rate);
    Ok(())
}
