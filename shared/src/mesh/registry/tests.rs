//! The rules of the registry, on a real broker.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use serde_json::Value;

use super::*;
use crate::health::Health;
use crate::messaging::permissions::OPERATOR;
use crate::testkit::{NatsServer, eventually};

const TTL: Duration = Duration::from_secs(1);

/// A connection of its own, as another process would have, that does not wait long before it comes back.
async fn connect(server: &NatsServer) -> jetstream::Context {
    connect_with(server, Duration::from_millis(20)).await
}

async fn connect_with(server: &NatsServer, reconnect_delay: Duration) -> jetstream::Context {
    let options = server.settings(OPERATOR).options().reconnect_delay_callback(move |_| reconnect_delay);
    jetstream::new(options.connect(server.url()).await.unwrap())
}

fn settings(ttl: Duration) -> RegistrySettings {
    RegistrySettings { ttl, ..RegistrySettings::default() }
}

fn instance(id: &str) -> Instance {
    Instance {
        service: "user-svc".to_owned(),
        id: id.to_owned(),
        address: format!("{id}:50051"),
        version: "1.2.3".to_owned(),
        started_at: 1_700_000_000,
    }
}

async fn register(jetstream: &jetstream::Context, id: &str, ttl: Duration) -> Registration {
    Registration::register(jetstream, instance(id), settings(ttl), Health::default()).await.unwrap()
}

fn ids(directory: &Directory) -> Vec<String> {
    directory.instances("user-svc").iter().map(|instance| instance.id.clone()).collect()
}

#[tokio::test]
async fn who_registers_is_seen_by_all() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    let mut before = Directory::watch(jetstream.clone(), settings(TTL));
    let _one = register(&jetstream, "one", TTL).await;
    before.changed().await;
    assert_eq!(*before.instances("user-svc"), [instance("one")]);
    assert!(before.instances("payment-svc").is_empty());

    let _two = register(&jetstream, "two", TTL).await;
    let after = Directory::watch(connect(&server).await, settings(TTL));
    for directory in [before, after] {
        eventually("both are seen", async || ids(&directory) == ["one", "two"]).await;
    }
}

#[tokio::test]
async fn an_instance_that_stops_refreshing_disappears() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    let ttl = Duration::from_millis(300);
    let directory = Directory::watch(connect(&server).await, settings(ttl));
    let (crashes, _lives) =
        (register(&jetstream, "crashes", ttl).await, register(&jetstream, "lives", ttl).await);
    eventually("both are seen", async || ids(&directory) == ["crashes", "lives"]).await;
    drop(crashes);
    eventually("one is left", async || {
        assert!(ids(&directory).contains(&"lives".to_owned()));
        ids(&directory) == ["lives"]
    })
    .await;
}

#[tokio::test]
async fn the_last_instance_disappears_too() {
    let server = NatsServer::start().await;
    let ttl = Duration::from_millis(300);
    let directory = Directory::watch(connect(&server).await, settings(ttl));
    let alone = register(&connect(&server).await, "alone", ttl).await;
    eventually("it is seen", async || ids(&directory) == ["alone"]).await;
    drop(alone);
    eventually("nobody is left", async || ids(&directory).is_empty()).await;
}

#[tokio::test]
async fn an_outage_forgets_nobody_whenever_each_was_heard_last() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    let directory = Directory::watch(connect(&server).await, settings(TTL));
    let _one = register(&jetstream, "one", TTL).await;
    // Shortly before the other one refreshes its key.
    tokio::time::sleep(TTL * 29 / 100).await;
    let _two = register(&jetstream, "two", TTL).await;
    eventually("both are seen", async || ids(&directory) == ["one", "two"]).await;
    server.kill();
    let began = Instant::now();
    eventually("the time is over", async || {
        assert_eq!(ids(&directory), ["one", "two"]);
        began.elapsed() > TTL * 2
    })
    .await;
}

#[tokio::test]
async fn leave_removes_it_at_once() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    // No test waits that long: only leaving can have done it.
    let ttl = Duration::from_secs(3600);
    let directory = Directory::watch(jetstream.clone(), settings(ttl));
    let registration = register(&jetstream, "one", ttl).await;
    eventually("it is seen", async || ids(&directory) == ["one"]).await;
    registration.leave().await;
    eventually("it is gone", async || ids(&directory).is_empty()).await;
}

#[tokio::test]
async fn the_picture_survives_a_broker_restart() {
    let server = NatsServer::start().await;
    // It comes back later than who watches it.
    let late = connect_with(&server, TTL / 2).await;
    let _one = register(&late, "one", TTL).await;
    let directory = Directory::watch(connect(&server).await, settings(TTL));
    eventually("it is seen", async || ids(&directory) == ["one"]).await;
    let stays_for = async |time: Duration| {
        let began = Instant::now();
        eventually("the time is over", async || {
            assert_eq!(ids(&directory), ["one"]);
            began.elapsed() > time
        })
        .await;
    };
    server.kill();
    // Longer than the broker keeps the key.
    stays_for(TTL * 2).await;
    server.resume().await;
    stays_for(TTL * 3).await;

    // And the picture is a live one again.
    let two = register(&connect(&server).await, "two", TTL).await;
    eventually("another one is seen", async || ids(&directory) == ["one", "two"]).await;
    two.leave().await;
    eventually("and goes", async || ids(&directory) == ["one"]).await;
}

#[tokio::test]
async fn a_lost_bucket_is_made_again() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    let _one = register(&jetstream, "one", TTL).await;
    let is_there = async || match jetstream.get_key_value(BUCKET).await {
        Ok(bucket) => matches!(bucket.entry("user-svc.one").await, Ok(Some(_))),
        Err(_) => false,
    };
    jetstream.delete_key_value(BUCKET).await.unwrap();
    eventually("the key is there again", is_there).await;

    let directory = Directory::watch(connect(&server).await, settings(TTL));
    eventually("it is seen", async || ids(&directory) == ["one"]).await;
    jetstream.delete_key_value(BUCKET).await.unwrap();
    eventually("the key is there again", async || {
        assert_eq!(ids(&directory), ["one"], "a bucket that is gone says nothing about the instances");
        is_there().await
    })
    .await;
    let _two = register(&jetstream, "two", TTL).await;
    eventually("the watch works", async || ids(&directory) == ["one", "two"]).await;
}

#[tokio::test]
async fn a_directory_waits_for_a_broker_that_is_away() {
    let server = NatsServer::start().await;
    let (jetstream, watching) = (connect(&server).await, connect(&server).await);
    server.kill();
    let directory = Directory::watch(watching, settings(TTL));
    server.resume().await;
    eventually("the broker is back", async || jetstream.query_account().await.is_ok()).await;
    let _one = register(&jetstream, "one", TTL).await;
    eventually("it is seen", async || ids(&directory) == ["one"]).await;
}

#[tokio::test]
async fn nats_tools_see_the_instance() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    let client = jetstream.client();
    let registration = register(&jetstream, "one", TTL).await;
    for verb in ["PING", "INFO", "STATS"] {
        let reply = client.request(format!("$SRV.{verb}.user-svc"), "".into()).await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!((&reply["name"], &reply["version"]), (&"user-svc".into(), &"1.2.3".into()));
        if verb != "STATS" {
            assert_eq!(reply["metadata"], serde_json::json!({ "instance": "one", "address": "one:50051" }));
        }
    }
    registration.leave().await;
    eventually("nobody answers", async || client.request("$SRV.PING.user-svc", "".into()).await.is_err())
        .await;
}

#[tokio::test]
async fn a_name_that_cannot_be_a_key_is_refused() {
    let server = NatsServer::start().await;
    let jetstream = connect(&server).await;
    for id in ["", "a.b", "a b", "*"] {
        let result = Registration::register(&jetstream, instance(id), settings(TTL), Health::default()).await;
        assert!(matches!(result, Err(RegistryError::InvalidName(name)) if name == id));
    }
}

#[tokio::test]
async fn fixed_addresses_never_change() {
    let addresses = HashMap::from([("user-svc".to_owned(), vec!["b:1".to_owned(), "a:1".to_owned()])]);
    let mut directory = Directory::fixed(addresses);
    assert_eq!(ids(&directory), ["b:1", "a:1"]);
    let changed = tokio::time::timeout(Duration::from_millis(50), directory.changed());
    assert!(changed.await.is_err());
}
