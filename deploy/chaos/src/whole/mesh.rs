//! The whole mesh: two gateways, two instances of each service, a broker or a cluster of three.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use payment_svc::sandbox::{Sandbox, SandboxSettings};
use shared::config::Secret;
use shared::database::Database;
use shared::messaging::{CONSUMERS, NatsSettings};
use shared::testkit::{Broker, Engine, Killable, NatsCluster, NatsServer, TestDatabase, mesh_signing_key};
use tempfile::TempDir;

use crate::BoxError;
use crate::checker::{WAITING, Work};
use crate::mesh::{OPEN_ORDERS, OPEN_REFUNDS, PATIENCE, PROVIDER_LIMIT};

/// The services, in the order of their databases.
pub const SERVICES: [&str; 3] = ["user-svc", "counseling-svc", "payment-svc"];
/// Instances of the gateway and of each service.
const INSTANCES: usize = 2;

/// One server, or three that keep everything three times.
pub enum Brokers {
    /// See above.
    One(NatsServer),
    /// See above.
    Three(NatsCluster),
}

impl Broker for Brokers {
    fn url(&self) -> String {
        match self {
            Self::One(server) => Broker::url(server),
            Self::Three(cluster) => Broker::url(cluster),
        }
    }
}

/// See above.
pub struct Mesh {
    /// The broker.
    pub brokers: Brokers,
    /// The gateways, and then the instances of each service, by name.
    pub processes: Vec<(&'static str, Killable)>,
    /// Of each service.
    pub databases: [Database; 3],
    /// The provider.
    pub sandbox: Sandbox,
    folder: TempDir,
    _files: Vec<TestDatabase>,
}

impl Mesh {
    /// Starts everything. payment-svc finds the provider at [`Mesh::sandbox`], or at `provider_url`, which has to lead
    /// there; `each` may make something else of a process, by its name.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(
        engine: Engine,
        is_cluster: bool,
        provider_url: Option<&str>,
        each: impl Fn(&str, Killable) -> Killable,
    ) -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new().prefix("mesh-chaos-").tempdir()?;
        let brokers = if is_cluster {
            Brokers::Three(Box::pin(NatsCluster::start()).await)
        } else {
            Brokers::One(Box::pin(NatsServer::start()).await)
        };
        let replicas = if is_cluster { "3" } else { "1" };
        let mut processes = Vec::new();
        let log = |name: &str, number| folder.path().join(format!("{name}-{number}.log"));
        for number in 0..INSTANCES {
            let signing = mesh_signing_key().to_pem()?;
            let gateway = Killable::new("gateway", &brokers, "").with(&PATIENCE).with(&[
                ("MESH_SIGNING_KEY", signing.expose()),
                ("SESSION_KEY", "a key that only chaos uses, and nobody else"),
                ("STREAM_REPLICAS", replicas),
                // All users come from one address.
                ("RATE_ADDRESS", "0"),
                ("RATE_USER", "0"),
                ("RATE_AUTH", "0"),
                // What else runs on the machine is no reason to refuse them.
                ("QUEUE_LIMIT", "0"),
                ("UPSTREAM_CONCURRENCY_MIN", "1024"),
            ]);
            processes.push(("gateway", each("gateway", gateway.logging_to(&log("gateway", number)))));
        }
        let sandbox = Sandbox::start(SandboxSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key: Secret::new("sandbox"),
            notice_secret: Secret::new("sandbox"),
            notice_url: Some(format!("http://{}/v1/payments/notices/sandbox", processes[0].1.address())),
            journal: Some(folder.path().join("sandbox.jsonl")),
            patience: PROVIDER_LIMIT / 10,
        })
        .await?;
        let sandbox_url = sandbox.url();
        let provider_url = provider_url.unwrap_or(&sandbox_url);
        let mut files = Vec::new();
        for service in SERVICES {
            let file = TestDatabase::new(engine).await;
            for number in 0..INSTANCES {
                let process = Killable::new(service, &brokers, file.url()).with(&PATIENCE).with(&[
                    ("STREAM_REPLICAS", replicas),
                    ("DEVELOPMENT", "true"),
                    ("SANDBOX_URL", provider_url),
                    ("PAYMENT_TIMEOUT", &PROVIDER_LIMIT.as_secs_f64().to_string()),
                    ("ORDER_OPEN_FOR", "6"),
                    ("ORDER_LOOK_AGAIN", "1"),
                ]);
                processes.push((service, each(service, process.logging_to(&log(service, number)))));
            }
            files.push(file);
        }
        for (_, process) in &processes {
            process.start();
        }
        let databases = [
            Database::connect(&files[0].settings()).await?,
            Database::connect(&files[1].settings()).await?,
            Database::connect(&files[2].settings()).await?,
        ];
        Ok(Self { brokers, processes, databases, sandbox, folder, _files: files })
    }

    /// Where the gateways listen.
    pub fn gateways(&self) -> Vec<String> {
        self.of("gateway").map(|process| process.address().to_owned()).collect()
    }

    /// The instances of a service.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &Killable> {
        self.processes.iter().filter(move |(name, _)| *name == service).map(|(_, process)| process)
    }

    /// How the operator reaches the broker.
    pub fn operator(&self) -> NatsSettings {
        self.brokers.settings("operator")
    }

    /// The database of user-svc.
    pub fn users(&self) -> &Database {
        &self.databases[0]
    }

    /// The database of counseling-svc.
    pub fn counsels(&self) -> &Database {
        &self.databases[1]
    }

    /// The database of payment-svc.
    pub fn payments(&self) -> &Database {
        &self.databases[2]
    }

    /// The provider's journal.
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("sandbox.jsonl")
    }

    /// Where logs and the history are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What there may be to do.
    pub fn work(&self) -> Work<'_> {
        let answering = "SELECT COUNT(*) AS n FROM counsels WHERE answering_message_id IS NOT NULL";
        Work {
            rows: vec![
                (self.counsels(), answering, "counsels that wait for an answer"),
                (self.payments(), OPEN_ORDERS, "open orders"),
                (self.payments(), OPEN_REFUNDS, "refunds without an answer"),
                (self.users(), WAITING, "events in user-svc's outbox"),
                (self.counsels(), WAITING, "events in counseling-svc's outbox"),
                (self.payments(), WAITING, "events in payment-svc's outbox"),
            ],
            consumers: CONSUMERS.to_vec(),
            broker: &self.brokers,
        }
    }

    /// Keeps logs and history when the mesh is gone: where they are.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}
