//! One connection to one instance.

use std::io;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Error};
use tower::service_fn;

use super::{ChannelSettings, locked};
use crate::tls::Reloading;

/// Bounds the memory that a connection sets aside for waiting calls.
const MOST_CALLS: usize = 65_536;

/// Connects when a call first needs it, and again after it broke.
///
/// All calls that wait for a connection wait for the same attempt, and fail with it. tonic's own lazy channel would
/// let each of them wait for an attempt of its own, one after the other: behind an address that does not answer, the
/// twentieth call would wait for twenty timeouts.
pub(super) struct Connection {
    endpoint: Endpoint,
    tls: Option<Tls>,
    current: Mutex<Option<Attempt>>,
}

/// What an encrypted connection needs.
#[derive(Clone)]
struct Tls {
    /// `host:port`.
    address: String,
    /// The service, which is also the name in its certificate.
    service: Arc<str>,
    config: Arc<Reloading<ClientConfig>>,
}

/// An attempt to connect: under way, or what became of it.
pub(super) type Attempt = Shared<BoxFuture<'static, Result<Channel, Arc<Error>>>>;

impl Connection {
    /// Not connected yet.
    ///
    /// # Errors
    /// When `address` is not `host:port`.
    pub(super) fn new(service: &Arc<str>, address: &str, settings: &ChannelSettings) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(settings.keep_alive_interval)
            .keep_alive_timeout(settings.keep_alive_timeout)
            .keep_alive_while_idle(true)
            // Enough for everybody whom load shedding lets through: nobody queues here.
            .buffer_size(settings.concurrency.clamp(1, MOST_CALLS));
        let (address, service) = (address.to_owned(), service.clone());
        let tls = settings.tls.clone().map(|config| Tls { address, service, config });
        Ok(Self { endpoint, tls, current: Mutex::new(None) })
    }

    /// The attempt that a call has to wait for; done already when there is a connection.
    pub(super) fn attempt(&self) -> Attempt {
        let connect = || {
            let (endpoint, tls) = (self.endpoint.clone(), self.tls.clone());
            let connected = async move {
                match tls {
                    Some(tls) => {
                        let dial = move |_| dial(tls.clone()).map(|dialled| dialled.map(TokioIo::new));
                        endpoint.connect_with_connector(service_fn(dial)).await
                    }
                    None => endpoint.connect().await,
                }
            };
            connected.map(|connected| connected.map_err(Arc::new)).boxed().shared()
        };
        locked(&self.current).get_or_insert_with(connect).clone()
    }

    /// Makes the next call connect anew, unless another call did so already.
    pub(super) fn forget(&self, attempt: &Attempt) {
        let mut current = locked(&self.current);
        if current.as_ref().is_some_and(|current| current.ptr_eq(attempt)) {
            *current = None;
        }
    }
}

async fn dial(tls: Tls) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(tls.service.to_string()).map_err(io::Error::other)?;
    let stream = TcpStream::connect(&tls.address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(tls.config.current()).connect(name, stream).await
}
