//! Real servers for tests: nats-server with JetStream, SQLite files, PostgreSQL. Everything lives in temporary
//! folders and ends with the test, even with one that is killed.

mod cluster;
mod collector;
mod database;
mod fuzz;
mod killable;
mod link;
mod model;
mod nats;
mod neighbour;
mod postgres;
mod process;
mod schema;
mod service;
mod streams;

use std::future::Future;
use std::time::{Duration, Instant};

pub use cluster::NatsCluster;
pub use collector::{Collector, TracedSpan};
pub use database::TestDatabase;
pub use fuzz::{Corpus, fuzz, message};
pub use killable::Killable;
pub use link::{Link, LinkedBroker, Traffic};
pub use model::{ModelAct, ModelProvider, ModelRequest};
pub use nats::{Broker, NatsServer};
pub use neighbour::{Neighbour, everything_published};
pub use postgres::PostgresServer;
pub use process::{Process, binary, dynamic_library, free_port, without_cargo};
pub use schema::{check_migrations, next_release, next_release_if_asked, schema};
pub use service::{call_by_path, caller, check_authority, mesh_signing_key, service_config};
pub use streams::{deliver_again, events, first_dead_letter, idle, publish_as_told, tried_in_vain};
use tokio::runtime::Runtime;

/// The engines that every test of persistence runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the server that this test binary shares.
    Postgres,
}

/// How long a test waits for a condition before it fails. A cluster of brokers that chooses a leader anew takes 4 to 9 s for
/// each attempt, and a client that looks for a server with a leader may find the wrong one again.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, and fails the test with `what` when it does not within [`LIMIT`].
///
/// # Panics
/// When the limit has passed.
pub async fn eventually<F>(what: &str, mut condition: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ends whatever a runtime does where it stands, as the end of its process would, and waits until nothing of it runs any
/// more, or for [`LIMIT`]: what a test does next must not reach the dead.
///
/// # Panics
/// When something of it panicked while it ended.
pub async fn crash(runtime: Runtime) {
    let end = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LIMIT));
    end.await.expect("a runtime ends");
}

/// Makes two tests of one function: `<name>::sqlite` and `<name>::postgres`. The function takes an [`Engine`].
#[macro_export]
macro_rules! on_each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "a test need not use every import of its file")]
                use super::*;

                async fn rule($engine: $crate::testkit::Engine) $body

                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    rule($crate::testkit::Engine::Sqlite).await;
                }

                $(#[$meta])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    rule($crate::testkit::Engine::Postgres).await;
                }
            }
        )*
    };
}
