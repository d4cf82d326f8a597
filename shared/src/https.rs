//! HTTP clients for third parties.

use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use crate::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A client that keeps connections, and follows no redirect: the addresses are the operator's to give.
pub type HttpsClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// Connections cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HttpsSetupError(String);

impl HttpsSetupError {
    /// For a reason that a user of [`client`] has found.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A client of addresses that begin with `https`, or of ones that do not: those need no authorities.
///
/// # Errors
/// When the system has no certificates of authorities, though they are needed.
pub fn client<B>(is_encrypted: bool) -> Result<HttpsClient<B>, HttpsSetupError>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config(is_encrypted)?).https_or_http().enable_http1();
    Ok(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp)))
}

/// TLS with the authorities that this system trusts.
fn config(is_encrypted: bool) -> Result<ClientConfig, HttpsSetupError> {
    let mut roots = RootCertStore::empty();
    if is_encrypted {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(HttpsSetupError("this system has no certificates of authorities".to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpsSetupError(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
