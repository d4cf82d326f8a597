//! TLS, HTTP/2, and certificates that change.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use shared::testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::World;

/// Writes a new certificate: what clients have to trust.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    certificate.der().clone()
}

async fn connect(
    address: std::net::SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(shared::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("api.example").unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_the_gateway_speaks_tls() {
    let plain = super::world(|_| ()).await;
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let files =
        gateway::TlsFiles { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let gateway = World::gateway_as(&plain, |config| config.edge.tls = Some(files)).await;

    let mut stream = connect(gateway.address, &first, b"http/1.1").await.unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");

    let mut stream = connect(gateway.address, &first, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // The preface and an empty SETTINGS frame (RFC 9113, section 3.4); the server answers with its own.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame");

    // A broken file changes nothing, and a new certificate is taken without a restart.
    std::fs::write(folder.path().join("cert.pem"), "broken").unwrap();
    assert!(connect(gateway.address, &first, b"h2").await.is_ok());
    let second = certify(folder.path());
    eventually("the new certificate is in use", async || {
        connect(gateway.address, &second, b"h2").await.is_ok()
    })
    .await;
    assert!(connect(gateway.address, &first, b"h2").await.is_err());
    gateway.stop().await;
}
