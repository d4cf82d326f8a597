//! `chaos`: see `chaos --help`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use chaos::payments::{self, Options, Report};
use clap::{Parser, Subcommand, ValueEnum};
use shared::testkit::Engine;

/// Puts the mesh under stress, and checks that it kept its promises.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Random orders while processes die and stand still and the provider fails; then every account is compared.
    Payments {
        /// Decides what happens; by default another one each time.
        #[arg(long)]
        seed: Option<u64>,
        /// How many orders, on all databases together.
        #[arg(long, default_value_t = 10_000)]
        orders: usize,
        /// How long it may take at most, on all databases together.
        #[arg(long, default_value_t = 300)]
        seconds: u64,
        /// Where the services keep their data.
        #[arg(long, value_enum, default_value_t = Database::Both)]
        database: Database,
        /// Run what is built without optimisations.
        // Read by deploy/measure.sh: the processes are those that lie beside this one.
        #[arg(long)]
        debug: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    /// One after the other, half of the orders on each.
    Both,
}

impl Database {
    fn engines(self) -> &'static [Engine] {
        match self {
            Self::Sqlite => &[Engine::Sqlite],
            Self::Postgres => &[Engine::Postgres],
            Self::Both => &[Engine::Sqlite, Engine::Postgres],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Payments { seed, orders, seconds, database, debug: _ } = Arguments::parse().command;
    let engines = database.engines();
    let seed = seed.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| u64::from(since.subsec_nanos()))
    });
    let limit = Duration::from_secs(seconds) / u32::try_from(engines.len()).unwrap_or(1);
    let mut is_clean = true;
    for engine in engines {
        let options = Options { seed, orders: orders / engines.len(), limit, engine: *engine };
        match Box::pin(payments::run(options)).await {
            Ok(report) => is_clean &= told(&report),
            Err(error) => {
                eprintln!("chaos: the run on {engine:?} with seed {seed} could not be made: {error}");
                is_clean = false;
            }
        }
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a report; whether it is clean.
fn told(report: &Report) -> bool {
    print!("{report}");
    report.violations.is_empty()
}
