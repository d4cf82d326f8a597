//! TLS between the gateway and the services, each with a certificate of the mesh's own authority (mTLS).
//!
//! A certificate names the process it is for (a DNS name such as `user-svc` or `gateway`), wherever that runs. The
//! gateway talks to an instance only if its certificate is the service's, and a service takes connections only from
//! whom shows the gateway's.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::GATEWAY;
use crate::Error;
use crate::config::Source;
use crate::shutdown::Shutdown;
use crate::tls::{Reloading, certificates, private_key, provider};

/// The protocol of gRPC (ALPN, RFC 7301).
const HTTP_2: &[u8] = b"h2";

/// The certificate of a process, and the authority of the mesh. Files in PEM, read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshTlsFiles {
    /// `MESH_TLS_CERT`: its certificate.
    pub cert: PathBuf,
    /// `MESH_TLS_KEY`: the certificate's key.
    pub key: PathBuf,
    /// `MESH_TLS_CA`: the certificates of the authority that vouches for the others.
    pub ca: PathBuf,
}

impl MeshTlsFiles {
    /// All three files, or none.
    pub fn read(source: &mut Source) -> Option<Self> {
        let cert = source.optional("mesh.tls.cert");
        let key = source.optional("mesh.tls.key");
        let ca = source.optional("mesh.tls.ca");
        match (cert, key, ca) {
            (Some(cert), Some(key), Some(ca)) => Some(Self { cert, key, ca }),
            (None, None, None) => None,
            _ => {
                source
                    .refuse("mesh.tls", "give MESH_TLS_CERT, MESH_TLS_KEY and MESH_TLS_CA, or none of them");
                None
            }
        }
    }

    /// The side that is connected to; its files are read again until shutdown begins.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn server(&self, shutdown: &Shutdown) -> Result<Arc<Reloading<ServerConfig>>, Error> {
        let files = self.clone();
        self.load(shutdown, move || {
            let clients = WebPkiClientVerifier::builder_with_provider(files.roots()?, provider());
            let clients = clients.build().map_err(Error::internal)?;
            let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
            let config = config.map_err(Error::internal)?.with_client_cert_verifier(clients);
            let (chain, key) = (certificates(&files.cert)?, private_key(&files.key)?);
            let mut config = config.with_single_cert(chain, key).map_err(Error::internal)?;
            config.alpn_protocols = vec![HTTP_2.to_vec()];
            Ok(config)
        })
    }

    /// The side that connects; its files are read again until shutdown begins.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn client(&self, shutdown: &Shutdown) -> Result<Arc<Reloading<ClientConfig>>, Error> {
        let files = self.clone();
        self.load(shutdown, move || {
            let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]);
            let config = config.map_err(Error::internal)?.with_root_certificates(files.roots()?);
            let (chain, key) = (certificates(&files.cert)?, private_key(&files.key)?);
            let mut config = config.with_client_auth_cert(chain, key).map_err(Error::internal)?;
            config.alpn_protocols = vec![HTTP_2.to_vec()];
            Ok(config)
        })
    }

    fn load<T: Send + Sync + 'static>(
        &self,
        shutdown: &Shutdown,
        read: impl Fn() -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<Arc<Reloading<T>>, Error> {
        let files = vec![self.cert.clone(), self.key.clone(), self.ca.clone()];
        Reloading::load(files, shutdown, move || read().map(Arc::new))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            roots.add(certificate).map_err(|error| {
                Error::internal(format!("{} holds no good authority: {error}", self.ca.display()))
            })?;
        }
        Ok(Arc::new(roots))
    }
}

/// Whether a client that has proven who it is may connect to a service.
pub(crate) fn is_gateway(shown: Option<&[CertificateDer<'_>]>) -> bool {
    let Some(certificate) = shown.and_then(<[_]>::first) else { return false };
    let Ok(name) = ServerName::try_from(GATEWAY) else { return false };
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}
