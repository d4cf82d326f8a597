//! Certificates that may change under a running process.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;
use crate::shutdown::Shutdown;

/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(2);

/// The cryptography of every TLS connection here.
pub fn provider() -> Arc<CryptoProvider> {
    rustls::crypto::ring::default_provider().into()
}

/// What was read from files, and is read again whenever they change.
pub struct Reloading<T> {
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<Arc<T>, Error> + Send + Sync>,
    current: RwLock<Arc<T>>,
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reloading").field("files", &self.files).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Reloading<T> {
    /// Reads for the first time, and again whenever a file changes, until shutdown begins.
    ///
    /// # Errors
    /// Those of `read`, the first time.
    pub fn load(
        files: Vec<PathBuf>,
        shutdown: &Shutdown,
        read: impl Fn() -> Result<Arc<T>, Error> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let current = RwLock::new(read()?);
        let reloading = Arc::new(Self { files, read: Box::new(read), current });
        shutdown.spawn(reloading.clone().keep_fresh(shutdown.clone()));
        Ok(reloading)
    }

    /// What was read last. Connections that are open keep what they have.
    pub fn current(&self) -> Arc<T> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Files that cannot be used leave everything as it is.
    fn keep_fresh(self: Arc<Self>, shutdown: Shutdown) -> impl Future<Output = ()> + Send + 'static {
        let (mut seen, mut refused) = (self.changed_at(), None);
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
                match (self.read)() {
                    Ok(new) => {
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                        seen = now;
                        tracing::info!(files = ?self.files, "the new certificates are in use");
                    }
                    // Perhaps only some of the files have been written yet: it is looked again, but said once.
                    Err(error) if refused.as_ref() != Some(&now) => {
                        tracing::warn!(%error, "the certificates stay as they were");
                        refused = Some(now);
                    }
                    Err(_) => {}
                }
            }
        }
    }

    fn changed_at(&self) -> Vec<Option<SystemTime>> {
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        self.files.iter().map(changed).collect()
    }
}

/// A server with the certificate in these files (PEM), for these protocols (ALPN, RFC 7301), the preferred first. TLS
/// 1.2 and 1.3.
///
/// # Errors
/// When a file cannot be read, or the two do not belong together.
pub fn server(
    cert: &Path,
    key: &Path,
    protocols: &'static [&'static [u8]],
    shutdown: &Shutdown,
) -> Result<Arc<Reloading<ServerConfig>>, Error> {
    let files = vec![cert.to_owned(), key.to_owned()];
    let (cert, key) = (cert.to_owned(), key.to_owned());
    Reloading::load(files, shutdown, move || {
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let (chain, private) = (certificates(&cert)?, private_key(&key)?);
        let config = config.map_err(Error::internal)?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, private).map_err(|error| unusable(&cert, &error))?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    })
}

/// The certificates in a file in PEM.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, &error))?;
    if chain.is_empty() { Err(unusable(path, &"there is no certificate in it")) } else { Ok(chain) }
}

/// The private key in a file in PEM.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn fmt::Display) -> Error {
    Error::internal(format!("{} cannot be used for TLS: {error}", path.display()))
}
