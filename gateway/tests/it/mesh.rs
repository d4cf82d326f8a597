//! The mesh behind the gateway: real processes that come, go and die.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use shared::proto::events::v1::UserUpdated;
use shared::testkit::{
    Engine, NatsServer, Process, TestDatabase, binary, events, eventually, mesh_signing_key,
};

use crate::world::{Call, World, gateway_config};

fn user_svc(nats: &NatsServer, database: &TestDatabase) -> Process {
    let mut command = Command::new(binary("user-svc"));
    command
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .envs(nats.environment("user-svc"))
        .env("DATABASE_URL", database.url())
        .env("MESH_VERIFYING_KEYS", mesh_signing_key().verifying().to_pem().unwrap())
        .env("REGISTRY_TTL", "2");
    // It ends by SIGKILL: no farewell to the registry, no last answer.
    Process::start(&command, None, "KILL", None)
}

async fn readiness(client: &Client, base: &str) -> Value {
    client.get(format!("{base}/readyz")).send().await.unwrap().json().await.unwrap()
}

async fn access_token(client: &Client, base: &str) -> Option<String> {
    let response = client.post(format!("{base}/v1/auth/initiate")).send().await.ok()?;
    let body: Value = response.json().await.ok()?;
    body["data"]["accessToken"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_what_is_missing() {
    let nats = NatsServer::start().await;
    let gateway = gateway::start(gateway_config(&nats)).await.unwrap();
    let (client, base) = (Client::new(), format!("http://{}", gateway.address));
    assert!(client.get(format!("{base}/livez")).send().await.unwrap().status().is_success());
    let not_ready = client.get(format!("{base}/readyz")).send().await.unwrap();
    assert_eq!(not_ready.status(), 503);
    let body = readiness(&client, &base).await;
    assert_eq!(
        (&body["status"], &body["ready"], &body["broker"]),
        (&json!("unready"), &json!(false), &json!(true))
    );
    assert_eq!(body["missing"], json!(["counseling-svc", "payment-svc", "user-svc"]));
    let reasons = json!(["user-svc: no instance", "counseling-svc: no instance", "payment-svc: no instance"]);
    assert_eq!(body["reasons"], reasons);
    // A service that is not there is a 503 in the envelope, at once.
    let response = client.post(format!("{base}/v1/auth/initiate")).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "E50301");
    nats.kill();
    eventually("the broker is missed", async || {
        readiness(&client, &base).await["missing"].as_array().unwrap().contains(&"nats-server".into())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_costs_no_request_that_can_be_repeated() {
    let nats = NatsServer::start().await;
    let database = TestDatabase::new(Engine::Sqlite).await;
    let gateway = gateway::start(gateway_config(&nats)).await.unwrap();
    let (client, base) = (Client::new(), format!("http://{}", gateway.address));
    let (mut first, _second) = (user_svc(&nats, &database), user_svc(&nats, &database));
    let count = async || readiness(&client, &base).await["instances"]["user-svc"].as_u64();
    eventually("two instances", async || count().await == Some(2)).await;
    let token = access_token(&client, &base).await.unwrap();

    let (answered, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (client, url, token) = (client.clone(), format!("{base}/v1/users/me"), token.clone());
            let (answered, done) = (answered.clone(), done.clone());
            tokio::spawn(async move {
                let mut failures = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    let response = client.get(&url).bearer_auth(&token).send().await.unwrap();
                    if response.status() != 200 {
                        failures.push(response.text().await.unwrap());
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                failures
            })
        })
        .collect();
    let reaches = async |more: usize| {
        let goal = answered.load(Ordering::SeqCst) + more;
        eventually("requests go on", async || answered.load(Ordering::SeqCst) >= goal).await;
    };
    reaches(200).await;
    first.stop();
    reaches(400).await;
    eventually("the dead instance leaves the registry", async || count().await == Some(1)).await;
    reaches(100).await;
    done.store(true, Ordering::SeqCst);
    for failures in join_all(callers).await {
        assert_eq!(failures.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_survives_a_restart_of_the_broker() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let messages = world.counsel(&token).await;
    world.nats.kill();
    // The services do not need the broker to answer; what happened waits in the outbox.
    world.say(&token, &messages, "is anybody there?").await.expect(201);
    assert_eq!(world.tokens(&user_id).await.reserved, 1);
    world.nats.resume().await;
    eventually("the token is settled", async || {
        let tokens = world.tokens(&user_id).await;
        (tokens.used, tokens.reserved) == (1, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_writes_go_on_and_are_told_of_later() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let readyz = async || world.send(Call::get("/readyz")).await;
    world.nats.kill();
    eventually("the gateway misses the broker", async || readyz().await.body["status"] == "degraded").await;
    let body = readyz().await.expect(200).body;
    assert_eq!((&body["ready"], &body["broker"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&body["missing"], &body["reasons"]),
        (&json!(["nats-server"]), &json!(["broker: not connected"]))
    );

    let profile = json!({ "nickname": "Dana" });
    world.send(Call::put("/v1/users/me", &profile).by(&token)).await.expect(200);
    let health = world.user_svc.health();
    let backlog = || health.report().outbox.unwrap();
    eventually("the event waits", async || backlog().waiting >= 1).await;
    let age = backlog().oldest_seconds;
    eventually("it grows older", async || backlog().oldest_seconds > age + 0.5).await;
    let report = health.report();
    assert!(report.reasons[0].starts_with("broker: not connected; "), "{report:?}");

    world.nats.resume().await;
    eventually("ready again", async || readyz().await.body["status"] == "ready").await;
    eventually("nothing waits any more", async || backlog().waiting == 0).await;
    let nats = world.nats.connect().await;
    let told = events::<UserUpdated>(&nats, &user_id).await;
    assert_eq!(told.len(), 1, "{told:?}");
}
