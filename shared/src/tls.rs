//! Certificates that may change under a running server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Error;
use crate::shutdown::Shutdown;

/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(2);

/// The cryptography of every TLS connection here.
pub fn provider() -> Arc<CryptoProvider> {
    rustls::crypto::ring::default_provider().into()
}

/// A certificate with its key, from files in PEM.
#[derive(Debug)]
pub struct ReloadingCertificate {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ReloadingCertificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or the two do not belong together.
    pub fn load(cert: &Path, key: &Path) -> Result<Arc<Self>, Error> {
        let current = RwLock::new(Arc::new(read(cert, key)?));
        Ok(Arc::new(Self { cert: cert.to_owned(), key: key.to_owned(), current }))
    }

    /// A server with this certificate, for these protocols (ALPN, RFC 7301), the preferred first. TLS 1.2 and 1.3.
    ///
    /// # Errors
    /// Never: the provider knows both versions.
    pub fn server_config(self: &Arc<Self>, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, Error> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Error::internal)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }

    /// Reads the files again whenever they change. Connections that are open keep what they have; files that cannot be
    /// read leave the certificate as it is.
    pub fn keep_fresh(self: Arc<Self>, shutdown: Shutdown) -> impl Future<Output = ()> + Send + 'static {
        let mut seen = self.changed_at();
        async move {
            let mut interval = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = shutdown.begun() => break,
                }
                let now = self.changed_at();
                if now == seen {
                    continue;
                }
                match read(&self.cert, &self.key) {
                    Ok(new) => {
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                        seen = now;
                        tracing::info!(file = %self.cert.display(), "a new certificate is in use");
                    }
                    // Perhaps only one of the two has been written yet: it is looked again.
                    Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        [changed(&self.cert), changed(&self.key)]
    }
}

impl ResolvesServerCert for ReloadingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let fault = |path: &Path, error: &dyn std::fmt::Display| {
        Error::internal(format!("{} cannot be used for TLS: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, &error))?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| fault(cert, &error))
}
