//! Connections from the gateway, each with its certificate.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::poll_fn;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::mesh::is_gateway;
use crate::shutdown::Shutdown;
use crate::tls::Reloading;

/// How many handshakes may be under way; further connections wait in the system's queue.
const HANDSHAKES: usize = 256;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);

type Connection = TlsStream<TcpStream>;

/// Takes connections until shutdown begins. Those of whom is not the gateway are closed, and never seen.
pub(super) fn encrypted(
    listener: TcpListener,
    tls: Arc<Reloading<ServerConfig>>,
    shutdown: Shutdown,
) -> impl Stream<Item = Result<Connection, Infallible>> {
    let (sender, mut receiver) = mpsc::channel(HANDSHAKES);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(&listener, &tls, &sender) => {}
            () = shutdown.begun() => {}
        }
    });
    poll_fn(move |context| receiver.poll_recv(context).map(|connection| connection.map(Ok)))
}

async fn accept(listener: &TcpListener, tls: &Reloading<ServerConfig>, ready: &mpsc::Sender<Connection>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(place) = places.clone().acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (acceptor, ready) = (TlsAcceptor::from(tls.current()), ready.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(PATIENCE, shake_hands(&acceptor, stream)).await {
                // The server has stopped when nobody wants it.
                Ok(Ok(connection)) => _ = ready.send(connection).await,
                Ok(Err(error)) => tracing::warn!(%error, "a connection was refused"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
            drop(place);
        });
    }
}

async fn shake_hands(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let connection = acceptor.accept(stream).await?;
    if is_gateway(connection.get_ref().1.peer_certificates()) {
        Ok(connection)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the certificate is not the gateway's"))
    }
}
