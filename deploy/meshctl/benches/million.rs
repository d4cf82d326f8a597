//! How long `meshctl` takes, as a process from its start to its end, on 1,000,000 events beside a mesh that holds a few.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures says so, and may panic"
)]

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures::future::try_join_all;
use shared::health::Health;
use shared::id::new_id;
use shared::mesh::{Instance, Registration, RegistrySettings, SERVICES};
use shared::messaging::{CONSUMERS, Nats, NatsSettings, TopologySettings, reconcile};
use shared::testkit::{Process, eventually, free_port};
use tempfile::TempDir;

const EVENTS: usize = 1_000_000;
const AGGREGATES: usize = 50_000;
const BATCH: usize = 5_000;
/// Of so many runs the median counts.
const RUNS: usize = 11;
/// `status` answers within this time, whatever the streams hold.
const BAR: Duration = Duration::from_millis(300);

/// A broker with the mesh's streams and consumers, and one instance of each service.
struct Mesh {
    nats: Nats,
    url: String,
    _instances: Vec<Registration>,
    _process: Process,
    _folder: TempDir,
}

/// What is looked for.
struct Sought {
    name: &'static str,
    arguments: Vec<String>,
}

impl Mesh {
    async fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command =
            Command::new(std::env::var("NATS_SERVER").unwrap_or_else(|_| "nats-server".to_owned()));
        // Unlike the mesh's own broker it does not wait for the disk: filling it would take hours, and reading is the same.
        command.args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string(), "--store_dir"]);
        command.arg(folder.path());
        let process = Process::start(&command, None, "KILL", None);
        let settings = NatsSettings { url: format!("nats://127.0.0.1:{port}"), login: None, ca: None };
        eventually("the broker answers", async || Nats::connect(&settings, "bench").await.is_ok()).await;
        let nats = Nats::connect(&settings, "bench").await.unwrap();
        let mut instances = Vec::new();
        for service in SERVICES {
            reconcile(&nats, &TopologySettings::default(), service).await.unwrap();
            // A connection of its own, as a process has.
            let own = Nats::connect(&settings, service).await.unwrap();
            let instance = Instance {
                service: service.to_owned(),
                id: new_id(),
                address: "127.0.0.1:1".to_owned(),
                version: "0.1.0".to_owned(),
                started_at: 0,
            };
            let registered = Registration::register(
                &own.jetstream,
                instance,
                RegistrySettings::default(),
                Health::default(),
            );
            instances.push(Box::pin(registered).await.unwrap());
        }
        for spec in CONSUMERS {
            let config = pull::Config {
                durable_name: Some(spec.name.to_owned()),
                filter_subjects: spec.facts.iter().map(|fact| format!("{fact}.>")).collect(),
                ack_policy: AckPolicy::Explicit,
                ..pull::Config::default()
            };
            nats.jetstream.create_consumer_on_stream(config, spec.stream).await.unwrap();
        }
        Self { nats, url: settings.url, _instances: instances, _process: process, _folder: folder }
    }

    async fn tell(&self, fact: &str, aggregate: &str, id: &str, chain: Option<(&str, &str)>) {
        let sent = self.nats.jetstream.publish_with_headers(
            format!("{fact}.{aggregate}"),
            headers(fact, aggregate, id, chain),
            format!(r#"{{"userId":"{aggregate}"}}"#).into(),
        );
        sent.await.unwrap().await.unwrap();
    }

    /// A cause and two effects: the id of the cause.
    async fn chain(&self, aggregate: &str) -> String {
        let (root, effect) = (new_id(), new_id());
        self.tell("counsels.message.created", aggregate, &root, None).await;
        self.tell("users.user.updated", aggregate, &effect, Some((&root, &root))).await;
        self.tell("users.tokens.credited", aggregate, &new_id(), Some((&root, &effect))).await;
        root
    }

    /// Puts so many events into the stream `USERS`.
    async fn fill(&self, events: usize) {
        let aggregates: Vec<_> = (0..AGGREGATES).map(|_| new_id()).collect();
        for begin in (0..events).step_by(BATCH) {
            let sends = (begin..(begin + BATCH).min(events)).map(|number| {
                let aggregate = &aggregates[number % AGGREGATES];
                let headers = headers("users.user.updated", aggregate, &new_id(), None);
                let data = format!(r#"{{"userId":"{aggregate}","nickname":"somebody"}}"#);
                self.nats.jetstream.publish_with_headers(
                    format!("users.user.updated.{aggregate}"),
                    headers,
                    data.into(),
                )
            });
            let acks = try_join_all(sends).await.unwrap();
            try_join_all(acks.into_iter().map(|ack| ack.into_future())).await.unwrap();
        }
    }

    /// The median time of a command.
    fn measure(&self, arguments: &[String]) -> Duration {
        let mut times: Vec<_> = (0..RUNS)
            .map(|_| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
                command.args(["--nats", &self.url]).args(arguments).stdout(Stdio::null());
                let began = Instant::now();
                assert!(command.status().unwrap().success(), "{arguments:?}");
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[RUNS / 2]
    }
}

fn headers(fact: &str, aggregate: &str, id: &str, chain: Option<(&str, &str)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let (correlation, causation) = chain.unzip();
    for (name, value) in [
        ("Nats-Msg-Id", id),
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-type", &format!("hearlers.{fact}.v1")),
        ("ce-source", "/bench"),
        ("ce-subject", aggregate),
        ("ce-time", "2026-01-02T03:04:05Z"),
        ("ce-correlationid", correlation.unwrap_or(id)),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, value);
    }
    if let Some(causation) = causation {
        headers.insert("ce-causationid", causation);
    }
    headers
}

/// Fills a mesh with so many events between an old and a new chain, and measures every command on it.
async fn measure(events: usize) -> BTreeMap<&'static str, Duration> {
    let mesh = Mesh::start().await;
    let (old_aggregate, new_aggregate) = (new_id(), new_id());
    let old = mesh.chain(&old_aggregate).await;
    let began = Instant::now();
    mesh.fill(events).await;
    let new = mesh.chain(&new_aggregate).await;
    println!("{events} events were stored in {:.0} s", began.elapsed().as_secs_f64());
    let sought = |name, arguments: &[&str]| Sought {
        name,
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    };
    let commands = [
        sought("status", &["status"]),
        sought("events find", &["events", "find"]),
        sought("events find --aggregate, old", &["events", "find", "--aggregate", &old_aggregate]),
        sought("events find --aggregate, new", &["events", "find", "--aggregate", &new_aggregate]),
        sought("events get, old", &["events", "get", &old]),
        sought("events get, new", &["events", "get", &new]),
        sought("trace, old", &["trace", &old]),
        sought("trace, new", &["trace", &new]),
    ];
    commands.into_iter().map(|Sought { name, arguments }| (name, mesh.measure(&arguments))).collect()
}

#[tokio::main]
async fn main() -> ExitCode {
    let few = Box::pin(measure(0)).await;
    let many = Box::pin(measure(EVENTS)).await;
    println!("{:<30} {:>10} {:>10} {:>7}", "median of whole processes", "few", "1,000,000", "ratio");
    for (name, time) in &many {
        let (before, after) = (few[name].as_secs_f64() * 1000.0, time.as_secs_f64() * 1000.0);
        println!("{name:<30} {before:>7.1} ms {after:>7.1} ms {:>7.2}", after / before);
    }
    let within = many["status"] <= BAR;
    println!("status: {}", if within { "within the bar of 300 ms" } else { "over the bar of 300 ms" });
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
