//! What a whole service says of itself: to probes, by gRPC health, and by the NATS service protocol.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Migrator;
use crate::database::DatabaseSettings;
use crate::grpc::GrpcServer;
use crate::mesh::{Directory, RegistrySettings};
use crate::messaging::Nats;
use crate::service::{Running, Service};
use crate::testkit::{Engine, NatsServer, TestDatabase, eventually, free_port, service_config};
use crate::time::Clock;

/// A service without methods of its own, and where it serves its metrics.
async fn start(nats: &NatsServer, file: &TestDatabase, settings: DatabaseSettings) -> (Running, SocketAddr) {
    let mut config = service_config("user-svc", nats, file);
    config.database = settings;
    let service = Box::pin(Service::prepare::<Migrator>("user-svc", config, Clock::system())).await.unwrap();
    let probes = crate::metrics::serve(([127, 0, 0, 1], 0).into(), &service.health).await.unwrap();
    assert_eq!(readyz(probes).await.0, 503, "it starts");
    (Box::pin(service.serve(GrpcServer::new(&[]))).await.unwrap(), probes)
}

/// Status and body.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn readyz(address: SocketAddr) -> (u16, Value) {
    let (status, body) = get(address, "/readyz").await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn serving(channel: &Channel) -> bool {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
    answer.status() == ServingStatus::Serving
}

fn channel(service: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", service.address)).unwrap().connect_lazy()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ready_once_gateways_can_find_it() {
    let (nats, file) = tokio::join!(NatsServer::start(), TestDatabase::new(Engine::Sqlite));
    let mut config = service_config("user-svc", &nats, &file);
    config.listen = ([127, 0, 0, 1], free_port()).into();
    let listen = config.listen;
    let service = Box::pin(Service::prepare::<Migrator>("user-svc", config, Clock::system())).await.unwrap();
    let probes = crate::metrics::serve(([127, 0, 0, 1], 0).into(), &service.health).await.unwrap();
    let gateway = Nats::connect(&nats.settings("gateway"), "gateway").await.unwrap();
    nats.freeze();
    let serving = tokio::spawn(Box::pin(service.serve(GrpcServer::new(&[]))));
    eventually("it answers", async || TcpStream::connect(listen).await.is_ok()).await;
    let (status, body) = readyz(probes).await;
    assert_eq!((status, &body["reasons"][0]), (503, &json!("process: starting")));

    nats.thaw();
    eventually("ready", async || readyz(probes).await.0 == 200).await;
    let directory = Directory::watch(gateway.jetstream.clone(), RegistrySettings::default());
    eventually("found", async || directory.instances("user-svc").len() == 1).await;
    serving.await.unwrap().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_service_asks_for_no_calls() {
    let (nats, file) = tokio::join!(NatsServer::start(), TestDatabase::new(Engine::Postgres));
    let (link, settings) = file.linked().await;
    let (service, probes) = start(&nats, &file, settings).await;
    let channel = channel(&service);
    eventually("ready", async || readyz(probes).await.0 == 200 && serving(&channel).await).await;

    link.cut();
    eventually("unready", async || readyz(probes).await.0 == 503 && !serving(&channel).await).await;
    let (_, body) = readyz(probes).await;
    assert_eq!(body["status"], "unready");
    assert!(body["reasons"][0].as_str().unwrap().starts_with("database: "), "{body}");
    assert_eq!(get(probes, "/livez").await.0, 200, "nobody gains by a restart");

    link.mend();
    eventually("ready again", async || readyz(probes).await.0 == 200 && serving(&channel).await).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_tells_how_it_is_until_it_has_stopped() {
    let (nats, file) = tokio::join!(NatsServer::start(), TestDatabase::new(Engine::Sqlite));
    let (service, probes) = start(&nats, &file, file.settings()).await;
    let channel = channel(&service);
    let outbox = json!({ "waiting": 0, "oldest_seconds": 0.0 });
    let ready = json!({ "status": "ready", "reasons": [], "outbox": outbox });
    eventually("ready", async || readyz(probes).await == (200, ready.clone())).await;
    assert!(serving(&channel).await);

    // The broker goes: calls go on, and so does gRPC health.
    nats.freeze();
    eventually("degraded", async || readyz(probes).await.1["status"] == "degraded").await;
    let (status, body) = readyz(probes).await;
    assert_eq!(status, 200);
    assert_eq!(body["reasons"], json!(["broker: JetStream does not answer"]));
    assert!(serving(&channel).await);
    nats.thaw();
    eventually("ready again", async || readyz(probes).await == (200, ready.clone())).await;

    let client = nats.client().await;
    let report = async || {
        let answer = client.request("$SRV.STATS.user-svc", "".into()).await.unwrap();
        let stats: Value = serde_json::from_slice(&answer.payload).unwrap();
        stats["endpoints"][0]["data"]["report"].clone()
    };
    let told = report().await;
    assert_eq!((&told["status"], &told["reasons"], &told["outbox"]), (&json!("ready"), &json!([]), &outbox));
    assert!(told["calls"]["total"].as_u64().unwrap() >= 2, "{told}");
    assert_eq!(told["calls"]["failed"], 0, "{told}");

    service.stop().await;
    let (status, body) = readyz(probes).await;
    assert_eq!((status, &body["status"]), (503, &json!("unready")));
    assert_eq!(body["reasons"], json!(["process: stopping"]));
}
