//! TLS between the gateway and the services, with the certificates that operators make.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::Method;
use counseling_svc::assistant::OfflineAssistant;
use rustls::pki_types::{CertificateDer, ServerName};
use shared::mesh::MeshTlsFiles;
use shared::shutdown::Shutdown;
use shared::testkit::{Engine, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::world::{Call, World};

/// The preface and an empty SETTINGS frame (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn files(folder: &Path, name: &str) -> MeshTlsFiles {
    MeshTlsFiles {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}-key.pem")),
        ca: folder.join("ca.pem"),
    }
}

async fn world(folder: &Path) -> World {
    meshctl::certs::write(folder).unwrap();
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let service = |name: &str, config: &mut shared::service::ServiceConfig| {
        config.mesh_tls = Some(files(folder, name));
    };
    let gateway = |config: &mut gateway::Config| config.mesh_tls = Some(files(folder, "gateway"));
    Box::pin(World::start_each_as(Engine::Sqlite, assistant, service, gateway)).await
}

/// Whether a service talks to whom shows this certificate, and with which one of its own.
async fn connect(address: SocketAddr, service: &str, with: &MeshTlsFiles) -> Option<CertificateDer<'static>> {
    let name = ServerName::try_from(service.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(with.client(&Shutdown::default()).unwrap().current());
    let mut stream = connector.connect(name, stream).await.ok()?;
    // With TLS 1.3 a server refuses after the client believes that all is well.
    stream.write_all(PREFACE).await.ok()?;
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_talks_to_the_gateway_alone() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    world.say(&token, &messages, "I cannot sleep before exams.").await.expect(201);

    let address = world.user_svc.address;
    let gateway = files(folder.path(), "gateway");
    assert!(connect(address, "user-svc", &gateway).await.is_some());

    // Without TLS.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(PREFACE).await.unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.unwrap();
    // A TLS alert, and no frame of HTTP/2.
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");

    // By another service of the mesh, which has a good certificate of its own.
    let service = files(folder.path(), "payment-svc");
    assert!(connect(address, "user-svc", &service).await.is_none());

    // By somebody with an authority of his own who calls himself the gateway.
    let elsewhere = tempfile::tempdir().unwrap();
    meshctl::certs::write(elsewhere.path()).unwrap();
    let forged = MeshTlsFiles { ca: gateway.ca.clone(), ..files(elsewhere.path(), "gateway") };
    assert!(connect(address, "user-svc", &forged).await.is_none());

    // The gateway, too, looks whom it talks to.
    assert!(connect(address, "counseling-svc", &gateway).await.is_none());
    let distrusting = MeshTlsFiles { ca: elsewhere.path().join("ca.pem"), ..gateway.clone() };
    assert!(connect(address, "user-svc", &distrusting).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_trusts_another_authority_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    meshctl::certs::write(elsewhere.path()).unwrap();
    for tls in [None, Some(files(elsewhere.path(), "gateway"))] {
        let stranger = world.another_gateway(|config| config.mesh_tls = tls).await;
        let base = format!("http://{}", stranger.address);
        let reply = world.send_to(&base, Call::new(Method::POST, "/v1/auth/initiate")).await.expect(503);
        assert_eq!(reply.code(), "E50301");
        stranger.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_taken_over_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let (address, gateway) = (world.user_svc.address, files(folder.path(), "gateway"));
    let first = connect(address, "user-svc", &gateway).await.unwrap();

    // Half of a new authority: what was there goes on.
    let authority = std::fs::read(folder.path().join("ca.pem")).unwrap();
    std::fs::write(folder.path().join("ca.pem"), "broken").unwrap();
    world.guest().await;
    std::fs::write(folder.path().join("ca.pem"), authority).unwrap();

    // New certificates of the same authority, and then everything new.
    meshctl::certs::write(folder.path()).unwrap();
    eventually("the new certificate is in use", async || {
        connect(address, "user-svc", &gateway).await.is_some_and(|shown| shown != first)
    })
    .await;
    world.guest().await;
    std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
    meshctl::certs::write(folder.path()).unwrap();
    eventually("the new authority is believed", async || {
        connect(address, "user-svc", &gateway).await.is_some()
    })
    .await;
    // A gateway that starts now has nothing but the new ones.
    let another = world.another_gateway(|config| config.mesh_tls = Some(gateway)).await;
    let base = format!("http://{}", another.address);
    eventually("the services are reached with the new certificates", async || {
        world.send_to(&base, Call::new(Method::POST, "/v1/auth/initiate")).await.status == 200
    })
    .await;
    another.stop().await;
}

#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    meshctl::certs::write(folder.path()).unwrap();
    let names = ["ca", "gateway", "user-svc", "counseling-svc", "payment-svc"];
    for name in names {
        let key = folder.path().join(format!("{name}-key.pem"));
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}
