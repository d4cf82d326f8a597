//! The rules of the registry, on a real broker.

use std::time::Instant as Moment;

use super::*;
use crate::messaging::Nats;
use crate::testkit::{NatsServer, eventually};

fn instance(id: &str) -> Instance {
    Instance {
        service: "user-svc".to_owned(),
        id: id.to_owned(),
        address: format!("127.0.0.1:{id}"),
        version: "1.2.3".to_owned(),
        started_at: 0,
    }
}

fn settings(ttl: Duration) -> RegistrySettings {
    RegistrySettings { ttl, ..RegistrySettings::default() }
}

async fn register(nats: &Nats, id: &str, ttl: Duration) -> Registration {
    Registration::register(&nats.jetstream, &nats.client, instance(id), settings(ttl)).await.unwrap()
}

fn addresses(directory: &Directory) -> Vec<String> {
    let mut addresses: Vec<_> =
        directory.instances("user-svc").iter().map(|instance| instance.address.clone()).collect();
    addresses.sort();
    addresses
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_leaves_is_gone_at_once() {
    let server = NatsServer::start().await;
    let nats = server.connect().await;
    // Far longer than the test may wait.
    let ttl = Duration::from_secs(600);
    let directory = Directory::watch(nats.jetstream.clone(), settings(ttl));
    let (first, _second) = (register(&nats, "1", ttl).await, register(&nats, "2", ttl).await);
    eventually("both are seen", async || addresses(&directory) == ["127.0.0.1:1", "127.0.0.1:2"]).await;
    first.leave().await;
    eventually("one is gone", async || addresses(&directory) == ["127.0.0.1:2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stops_refreshing_disappears() {
    let server = NatsServer::start().await;
    let nats = server.connect().await;
    let ttl = Duration::from_millis(900);
    let directory = Directory::watch(nats.jetstream.clone(), settings(ttl));
    let (crashing, _staying) = (register(&nats, "1", ttl).await, register(&nats, "2", ttl).await);
    eventually("both are seen", async || addresses(&directory).len() == 2).await;
    drop(crashing);
    eventually("one is gone", async || addresses(&directory) == ["127.0.0.1:2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_survives_an_outage_of_the_broker() {
    let server = NatsServer::start().await;
    let nats = server.connect().await;
    let ttl = Duration::from_millis(900);
    let directory = Directory::watch(nats.jetstream.clone(), settings(ttl));
    let _first = register(&nats, "1", ttl).await;
    eventually("it is seen", async || addresses(&directory) == ["127.0.0.1:1"]).await;

    server.kill();
    let outage = Moment::now();
    while outage.elapsed() < ttl * 3 {
        assert_eq!(addresses(&directory), ["127.0.0.1:1"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.resume().await;

    let nats = server.connect().await;
    let _second = register(&nats, "2", ttl).await;
    eventually("both are seen", async || addresses(&directory) == ["127.0.0.1:1", "127.0.0.1:2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_answer_the_nats_service_protocol() {
    let server = NatsServer::start().await;
    let nats = server.connect().await;
    let _registration = register(&nats, "1", Duration::from_secs(6)).await;
    let answer = nats.client.request("$SRV.INFO.user-svc", "".into()).await.unwrap();
    let info: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(info["name"], "user-svc");
    assert_eq!(info["version"], "1.2.3");
    assert_eq!(info["metadata"]["address"], "127.0.0.1:1");
}

#[tokio::test]
async fn fixed_addresses_need_no_broker() {
    let directory =
        Directory::fixed([("user-svc".to_owned(), vec!["a:1".to_owned(), "b:2".to_owned()])].into());
    assert_eq!(addresses(&directory), ["a:1", "b:2"]);
    assert!(directory.instances("unknown").is_empty());
}
