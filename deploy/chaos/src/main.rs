//! `chaos`: see `chaos --help`.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use chaos::nemesis::{has_own_mounts, with_own_mounts};
use chaos::{payments, whole};
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
    /// People use the whole mesh through its gateways while processes, brokers and the provider fail; then everything they
    /// were told has to be true.
    Mesh {
        /// Decides what happens; by default another one each time.
        #[arg(long)]
        seed: Option<u64>,
        /// How many runs, each with the next seed.
        #[arg(long, default_value_t = 1)]
        runs: u64,
        /// How many people act at once.
        #[arg(long, default_value_t = 24)]
        people: usize,
        /// How long they act, on all databases and brokers of one seed together.
        #[arg(long, default_value_t = 240)]
        seconds: u64,
        /// Where the services keep their data.
        #[arg(long, value_enum, default_value_t = Database::Both)]
        database: Database,
        /// One broker, or a cluster of three.
        #[arg(long, value_enum, default_value_t = Broker::Both)]
        broker: Broker,
        /// A folder with the binaries of another build: one of two instances of everything begins as it, and is upgraded
        /// while people act.
        #[arg(long)]
        old: Option<PathBuf>,
        /// Run what is built without optimisations.
        #[arg(long)]
        debug: bool,
    },
    /// The server of a cluster that leads the streams dies again and again while people write: how long they wait.
    Failover {
        /// How many people write at once.
        #[arg(long, default_value_t = 16)]
        people: usize,
        /// How often a leader dies.
        #[arg(long, default_value_t = 5)]
        deaths: u32,
        /// Where the services keep their data.
        #[arg(long, value_enum, default_value_t = Database::Postgres)]
        database: Database,
        /// Run what is built without optimisations.
        #[arg(long)]
        debug: bool,
    },
    /// One process after the other is asked to end and started anew while people read and write, as in an upgrade: what
    /// they notice.
    Roll {
        /// How many people read and write at once.
        #[arg(long, default_value_t = 16)]
        people: usize,
        /// How often each process is restarted.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Where the services keep their data.
        #[arg(long, value_enum, default_value_t = Database::Postgres)]
        database: Database,
        /// Run what is built without optimisations.
        #[arg(long)]
        debug: bool,
    },
    /// Ten times as many requests as the mesh can answer: how long those take that it accepts, how much memory it needs,
    /// and how soon it is as before.
    Overload {
        /// How many requests a second are taken to be sustainable, to compare two builds; by default that is found out.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        /// How long there is too much.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// How long it is looked what is normal before it.
        #[arg(long, default_value_t = 10)]
        calm: u64,
        /// How many sockets the load has at most.
        #[arg(long, default_value_t = 1000)]
        sockets: usize,
        /// How many milliseconds work may wait in a gateway while nothing is refused (`QUEUE_LIMIT`).
        #[arg(long, default_value_t = 2)]
        queue_limit: u64,
        /// Load and mesh have processors of their own, and do not share all of them.
        #[arg(long)]
        apart: bool,
        /// Where the services keep their data.
        #[arg(long, value_enum, default_value_t = Database::Postgres)]
        database: Database,
        /// Run what is built without optimisations.
        #[arg(long)]
        debug: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Broker {
    One,
    Three,
    /// One after the other.
    Both,
}

impl Broker {
    fn are_clusters(self) -> &'static [bool] {
        match self {
            Self::One => &[false],
            Self::Three => &[true],
            Self::Both => &[false, true],
        }
    }
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
    let is_clean = match Arguments::parse().command {
        Command::Payments { seed, orders, seconds, database, debug: _ } => {
            Box::pin(of_payments(seed.unwrap_or_else(any_seed), orders, seconds, database.engines())).await
        }
        Command::Mesh { seed, runs, people, seconds, database, broker, old, debug: _ } => {
            if !has_own_mounts()
                && let Some(mut again) = with_own_mounts()
            {
                eprintln!("chaos: {}", again.exec());
                return ExitCode::FAILURE;
            }
            let first = seed.unwrap_or_else(any_seed);
            let mut is_clean = true;
            for seed in first..first.saturating_add(runs) {
                let run =
                    of_mesh(seed, people, seconds, database.engines(), broker.are_clusters(), old.clone());
                is_clean &= Box::pin(run).await;
            }
            is_clean
        }
        Command::Failover { people, deaths, database, debug: _ } => {
            let mut is_clean = true;
            for engine in database.engines() {
                let options = whole::failover::Options { people, deaths, engine: *engine };
                let report = Box::pin(whole::failover::run(options)).await;
                is_clean &= told(report.map(|report| (report.to_string(), report.is_clean())), *engine, 0);
            }
            is_clean
        }
        Command::Roll { people, rounds, database, debug: _ } => {
            let mut is_clean = true;
            for engine in database.engines() {
                let options = whole::roll::Options { people, rounds, engine: *engine };
                let report = Box::pin(whole::roll::run(options)).await;
                is_clean &= told(report.map(|report| (report.to_string(), report.is_clean())), *engine, 0);
            }
            is_clean
        }
        Command::Overload { rate, seconds, calm, sockets, queue_limit, apart, database, debug: _ } => {
            let queue_limit = Duration::from_millis(queue_limit);
            let mut is_clean = true;
            for engine in database.engines() {
                let [overload, calm] = [seconds, calm].map(Duration::from_secs);
                let options = whole::overload::Options {
                    rate,
                    overload,
                    calm,
                    sockets,
                    queue_limit,
                    engine: *engine,
                    is_apart: apart,
                };
                let report = Box::pin(whole::overload::run(options)).await;
                is_clean &= told(report.map(|report| (report.to_string(), report.is_clean())), *engine, 0);
            }
            is_clean
        }
    };
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::from(since.subsec_nanos()))
}

async fn of_payments(seed: u64, orders: usize, seconds: u64, engines: &[Engine]) -> bool {
    let limit = Duration::from_secs(seconds) / u32::try_from(engines.len()).unwrap_or(1);
    let mut is_clean = true;
    for engine in engines {
        let options = payments::Options { seed, orders: orders / engines.len(), limit, engine: *engine };
        let report = Box::pin(payments::run(options)).await;
        is_clean &=
            told(report.map(|report| (report.to_string(), report.violations.is_empty())), *engine, seed);
    }
    is_clean
}

async fn of_mesh(
    seed: u64,
    people: usize,
    seconds: u64,
    engines: &[Engine],
    clusters: &[bool],
    old: Option<PathBuf>,
) -> bool {
    let parts = u32::try_from(engines.len() * clusters.len()).unwrap_or(1);
    let acting = Duration::from_secs(seconds) / parts;
    let mut is_clean = true;
    for engine in engines {
        for is_cluster in clusters {
            let options = whole::Options {
                seed,
                people,
                acting,
                engine: *engine,
                is_cluster: *is_cluster,
                broken: None,
                old: old.clone(),
                has_disks: has_own_mounts(),
            };
            let report = Box::pin(whole::run(options)).await;
            is_clean &=
                told(report.map(|report| (report.to_string(), report.violations.is_empty())), *engine, seed);
        }
    }
    is_clean
}

/// Prints a report; whether it is clean.
fn told(report: Result<(String, bool), chaos::BoxError>, engine: Engine, seed: u64) -> bool {
    match report {
        Ok((report, is_clean)) => {
            print!("{report}");
            is_clean
        }
        Err(error) => {
            eprintln!("chaos: the run on {engine:?} with seed {seed} could not be made: {error}");
            false
        }
    }
}
