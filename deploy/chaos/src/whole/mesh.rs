//! The whole mesh: two gateways, two instances of each service, a broker or a cluster of three.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use payment_svc::sandbox::{Sandbox, SandboxSettings};
use shared::config::Secret;
use shared::database::Database;
use shared::messaging::{CONSUMERS, NatsSettings};
use shared::testkit::{
    Broker, Engine, Killable, Link, LinkedBroker, NatsCluster, NatsServer, TestDatabase, Traffic,
    mesh_signing_key,
};
use tempfile::TempDir;

use super::admin::SESSION_KEY;
use crate::BoxError;
use crate::checker::{WAITING, Work};
use crate::mesh::{OPEN_ORDERS, OPEN_REFUNDS, PATIENCE, PROVIDER_LIMIT};
use crate::nemesis::{Disk, Host, preload};

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

/// What the mesh finds around itself.
#[derive(Default)]
pub struct Around<'a> {
    /// Where payment-svc finds the provider; it has to lead to [`Mesh::sandbox`], which it finds otherwise.
    pub provider_url: Option<&'a str>,
    /// What counseling-svc finds models by; otherwise the offline counselor answers.
    pub models: &'a [(&'a str, String)],
    /// Whether processes reach the broker and PostgreSQL over [`Line`]s.
    pub has_lines: bool,
    /// Whether a broker that is one server, and each SQLite file, has a [`Disk`] of its own.
    pub has_disks: bool,
    /// Whether processes run on a [`Host`] whose clock can be moved, where there is one.
    pub has_hosts: bool,
}

/// How one process reaches others.
pub struct Line {
    /// Every server of it.
    pub broker: LinkedBroker,
    /// None of the gateway, and with SQLite.
    pub database: Option<Link>,
}

impl Line {
    /// Lets this become of what is sent to the database, if there is one, or else to the broker. Whether it was the
    /// database.
    pub fn set(&self, is_database: bool, traffic: Traffic) -> bool {
        match self.database.as_ref().filter(|_| is_database) {
            Some(database) => database.set(traffic),
            None => self.broker.set(traffic),
        }
        is_database && self.database.is_some()
    }
}

/// See above.
pub struct Mesh {
    /// The disks of the broker (`nats-server`) and of services. They go before what is on them.
    pub disks: Vec<(&'static str, Disk)>,
    /// What the processes run on, if that can be told: instances of a service that share a file share a machine.
    pub hosts: Vec<Host>,
    /// The broker.
    pub brokers: Brokers,
    /// The gateways, and then the instances of each service, by name.
    pub processes: Vec<(&'static str, Killable)>,
    /// Of each process, in the same order; or none.
    pub lines: Vec<Line>,
    /// Of each service.
    pub databases: [Database; 3],
    /// The provider.
    pub sandbox: Sandbox,
    folder: TempDir,
    _files: Vec<TestDatabase>,
}

impl Mesh {
    /// Starts everything; `each` may make something else of a process, by its name and its number.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(
        engine: Engine,
        is_cluster: bool,
        around: Around<'_>,
        each: impl Fn(&str, usize, Killable) -> Killable,
    ) -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new().prefix("mesh-chaos-").tempdir()?;
        let brokers = if is_cluster {
            Brokers::Three(Box::pin(NatsCluster::start()).await)
        } else {
            Brokers::One(Box::pin(NatsServer::start()).await)
        };
        let mut disks = Vec::new();
        if let Brokers::One(server) = &brokers
            && around.has_disks
        {
            server.kill();
            disks.push(("nats-server", Disk::over(&server.folder().join("jetstream"))?));
            Box::pin(server.resume()).await;
        }
        let replicas = if is_cluster { "3" } else { "1" };
        let (mut processes, mut lines) = (Vec::new(), Vec::new());
        let log = |name: &str, number| folder.path().join(format!("{name}-{number}.log"));
        let preload = around.has_hosts.then(preload).flatten();
        let new_host = |name: &str, number, has_disk| {
            let file = folder.path().join(format!("{name}-{number}.host"));
            preload.as_ref().map(|preload| Host::new(preload, &file, has_disk)).transpose()
        };
        let mut hosts = Vec::new();
        for number in 0..INSTANCES {
            let signing = mesh_signing_key().to_pem()?;
            let gateway = if around.has_lines {
                let broker = LinkedBroker::to(&brokers).await;
                let gateway = Killable::new("gateway", &broker, "");
                lines.push(Line { broker, database: None });
                gateway
            } else {
                Killable::new("gateway", &brokers, "")
            };
            let gateway = gateway.with(&PATIENCE).with(&[
                ("MESH_SIGNING_KEY", signing.expose()),
                ("SESSION_KEY", SESSION_KEY),
                ("STREAM_REPLICAS", replicas),
                // All users come from one address.
                ("RATE_ADDRESS", "0"),
                ("RATE_USER", "0"),
                ("RATE_AUTH", "0"),
                // What else runs on the machine is no reason to refuse them.
                ("QUEUE_LIMIT", "0"),
                ("UPSTREAM_CONCURRENCY_MIN", "1024"),
            ]);
            hosts.extend(new_host("gateway", number, false)?);
            let gateway = on(hosts.last(), gateway);
            processes.push(("gateway", each("gateway", number, gateway.logging_to(&log("gateway", number)))));
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
        let provider_url = around.provider_url.unwrap_or(&sandbox_url);
        let mut files = Vec::new();
        for service in SERVICES {
            let file = TestDatabase::new(engine).await;
            if let Some(folder) = file.folder().filter(|_| around.has_disks) {
                disks.push((service, Disk::over(folder)?));
            }
            for number in 0..INSTANCES {
                let process = if around.has_lines {
                    let (process, line) = linked(service, engine, &brokers, &file).await;
                    lines.push(line);
                    process
                } else {
                    Killable::new(service, &brokers, file.url())
                };
                let models: Vec<_> =
                    around.models.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let process = process.with(&PATIENCE).with(&models).with(&[
                    ("STREAM_REPLICAS", replicas),
                    ("DEVELOPMENT", "true"),
                    ("SANDBOX_URL", provider_url),
                    ("PAYMENT_TIMEOUT", &PROVIDER_LIMIT.as_secs_f64().to_string()),
                    ("ORDER_OPEN_FOR", "6"),
                    ("ORDER_LOOK_AGAIN", "1"),
                ]);
                // Whoever shares a file shares a machine.
                let is_sqlite = engine == Engine::Sqlite;
                if number == 0 || !is_sqlite {
                    hosts.extend(new_host(service, number, is_sqlite)?);
                }
                let process = on(hosts.last(), process);
                processes.push((service, each(service, number, process.logging_to(&log(service, number)))));
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
        Ok(Self { disks, hosts, brokers, processes, lines, databases, sandbox, folder, _files: files })
    }

    /// Lets everything arrive at once again.
    pub fn mend(&self) {
        for line in &self.lines {
            line.set(false, Traffic::Flows);
            line.set(true, Traffic::Flows);
        }
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

/// A process on this machine, if there are any.
fn on(host: Option<&Host>, process: Killable) -> Killable {
    match host {
        Some(host) => process.with(&host.environment()),
        None => process,
    }
}

/// An instance of a service at the end of a line.
async fn linked(service: &str, engine: Engine, brokers: &Brokers, file: &TestDatabase) -> (Killable, Line) {
    let broker = LinkedBroker::to(brokers).await;
    match engine {
        Engine::Sqlite => {
            let process = Killable::new(service, &broker, file.url());
            (process, Line { broker, database: None })
        }
        Engine::Postgres => {
            let (database, settings) = file.linked().await;
            let process = Killable::new(service, &broker, settings.url.expose());
            (process, Line { broker, database: Some(database) })
        }
    }
}
