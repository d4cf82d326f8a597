//! What hot paths cost, counted rather than timed: how often the gateway and the services ask for memory for one request.
//!
//! A figure that grows by more than a tenth fails the test. One that grew for a reason, or shrank, is written down anew by
//! `deploy/just allocations`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod client;
#[path = "../support/config.rs"]
mod config;
mod counting;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use client::{Client, Request};
use config::gateway_config;
use counting::{Counting, allocations};
use serde_json::{Value, json};
use shared::testkit::{Engine, NatsServer, TestDatabase, eventually, service_config};
use shared::time::Clock;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often each request is made before it counts: caches are filled, statements prepared, buffers as large as they get.
const WARM_UP: usize = 100;
/// The cheapest of so many parts counts: what goes on in the background only ever adds.
const PARTS: usize = 8;
const REQUESTS: usize = 50;
/// What a figure may grow to.
const GROWTH: f64 = 1.1;
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/allocations/figures.json");

/// Allocations of one request, by its name.
type Figures = BTreeMap<String, f64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hot_path_takes_much_more_memory_than_it_did() {
    let nats = NatsServer::start().await;
    let databases = [TestDatabase::new(Engine::Sqlite).await, TestDatabase::new(Engine::Sqlite).await];
    let config = |name, database| {
        let mut config = service_config(name, &nats, database);
        // What happens by the clock happens seldom.
        config.relay.poll_interval = Duration::from_secs(5);
        config.registry.ttl = Duration::from_secs(30);
        config
    };
    let user_svc =
        Box::pin(user_svc::start(config("user-svc", &databases[0]), Clock::system())).await.unwrap();
    let counseling_svc = config("counseling-svc", &databases[1]);
    let counseling_svc = Box::pin(counseling_svc::start(counseling_svc, Clock::system())).await.unwrap();
    let mut configuration = gateway_config(&nats);
    configuration.console = None;
    configuration.registry.ttl = Duration::from_secs(30);
    let gateway = gateway::start(configuration).await.unwrap();

    let address = gateway.address;
    eventually("the services are found", async || blocking(move || is_ready(address)).await).await;
    let (token, user_id) = blocking(move || guest(address)).await;
    // Whose messages have no limit.
    Box::pin(gateway::grant_admin(gateway_config(&nats), &user_id)).await.unwrap();
    let measured = blocking(move || measure(address, &token)).await;

    gateway.stop().await;
    counseling_svc.stop().await;
    user_svc.stop().await;
    judge(&measured);
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Whether both services answer. `/readyz` would ask for payment-svc, too.
fn is_ready(address: SocketAddr) -> bool {
    let mut client = Client::connect(address);
    let (status, body) = client.send(&Request::new("POST", "/v1/auth/initiate", None, None));
    if status != 200 {
        return false;
    }
    let signed_in: Value = serde_json::from_slice(body).unwrap();
    let token = signed_in["data"]["accessToken"].as_str().unwrap();
    client.send(&Request::new("GET", "/v1/counselors", Some(token), None)).0 == 200
}

/// The token and the id of a new guest.
fn guest(address: SocketAddr) -> (String, String) {
    let mut client = Client::connect(address);
    let signed_in = client.json(&Request::new("POST", "/v1/auth/initiate", None, None));
    let token = signed_in["data"]["accessToken"].as_str().unwrap().to_owned();
    let me = client.json(&Request::new("GET", "/v1/users/me", Some(&token), None));
    (token, me["data"]["user"]["id"].as_str().unwrap().to_owned())
}

fn measure(address: SocketAddr, token: &str) -> Figures {
    let mut client = Client::connect(address);
    let counselors = client.json(&Request::new("GET", "/v1/counselors", Some(token), None));
    let counselor = counselors["data"]["counselors"][0]["id"].as_str().unwrap();
    let counsels = format!("/v1/counselors/{counselor}/counsels");
    let counsel = client.json(&Request::new("POST", &counsels, Some(token), Some(&json!({}))));
    let messages = format!("{counsels}/{}/messages", counsel["data"]["counsel"]["id"].as_str().unwrap());
    let say = json!({ "message": "I cannot sleep before exams." });
    // The message first: the page of messages is full then.
    let requests = [
        ("send a message", Request::new("POST", &messages, Some(token), Some(&say))),
        ("read 50 messages", Request::new("GET", &format!("{messages}?limit=50"), Some(token), None)),
        ("read who I am", Request::new("GET", "/v1/users/me", Some(token), None)),
    ];
    let cost = |(name, request)| (String::from(name), cost(&mut client, &request));
    requests.into_iter().map(cost).collect()
}

/// The allocations of one such request.
fn cost(client: &mut Client, request: &Request) -> f64 {
    let mut part = |requests: usize| {
        let before = allocations();
        for _ in 0..requests {
            let (status, _) = client.send(request);
            assert!((200..300).contains(&status), "{status}");
        }
        allocations() - before
    };
    part(WARM_UP);
    let cheapest = (0..PARTS).map(|_| part(REQUESTS)).min().unwrap_or_default();
    (cheapest as f64 / REQUESTS as f64).round()
}

fn judge(measured: &Figures) {
    println!("{measured:#?}");
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        let mut text = serde_json::to_string_pretty(measured).unwrap();
        text.push('\n');
        std::fs::write(FIGURES, text).unwrap();
        return;
    }
    let known: Figures = serde_json::from_str(&std::fs::read_to_string(FIGURES).unwrap()).unwrap();
    assert!(known.keys().eq(measured.keys()), "{FIGURES} is of other requests: deploy/just allocations");
    for (name, figure) in measured {
        let most = known[name] * GROWTH;
        assert!(
            *figure <= most,
            "to {name} takes {figure} allocations: more than a tenth above {}",
            known[name]
        );
    }
}
