//! Takes connections: HTTP/1.1 and HTTP/2, with TLS if there is a certificate, and with bounds on what a client that
//! says little for long, or much at once, can hold.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::HOST;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use shared::shutdown::Shutdown;
use shared::tls::{self, Reloading};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::settings::EdgeSettings;
use crate::gate::Gate;

/// The most headers of a request.
const MOST_HEADERS: usize = 100;
/// The most bytes of a request's head.
const LONGEST_HEAD: usize = 32 * 1024;
/// The most requests that one HTTP/2 connection has under way.
const STREAMS: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether its other end is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long to wait when the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);
/// How long what was sent may stay unacknowledged.
#[cfg(target_os = "linux")]
const SILENCE: Duration = Duration::from_secs(45);

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves what is behind a gate.
pub struct Server {
    gate: Arc<Gate>,
    builder: Builder<TokioExecutor>,
    places: Arc<Semaphore>,
    header_timeout: Duration,
    tls: Option<Arc<Reloading<ServerConfig>>>,
}

impl Server {
    /// As configured; certificates are read again when their files change, until `shutdown` begins.
    ///
    /// # Errors
    /// When there is no certificate in the files that are to hold one.
    pub fn new(gate: Gate, settings: &EdgeSettings, shutdown: &Shutdown) -> Result<Self, shared::Error> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_headers(MOST_HEADERS)
            .max_buf_size(LONGEST_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(LONGEST_HEAD as u32);
        let tls = settings.tls.as_ref();
        let tls = tls.map(|files| tls::server(&files.cert, &files.key, &[b"h2", b"http/1.1"], shutdown));
        Ok(Self {
            gate: Arc::new(gate),
            builder,
            places: Arc::new(Semaphore::new(settings.connections)),
            header_timeout: settings.header_timeout,
            tls: tls.transpose()?,
        })
    }

    /// Serves until `shutdown` begins, and then finishes what is under way.
    pub async fn run(self, listener: TcpListener, shutdown: Shutdown) {
        let server = Arc::new(self);
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                // A connection that has no place stays in the system's queue.
                let place = server.places.clone().acquire_owned().await.ok()?;
                Some((place, listener.accept().await))
            };
            let (place, accepted) = tokio::select! {
                accepted = accepted => match accepted {
                    Some(accepted) => accepted,
                    None => break,
                },
                () = shutdown.begun() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(server.clone().serve(stream, Peer(peer), place, graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: Peer,
        _place: OwnedSemaphorePermit,
        watcher: Watcher,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        notice_silence(&stream);
        let Some(tls) = &self.tls else { return self.speak(stream, peer, watcher).await };
        match tokio::time::timeout(self.header_timeout, TlsAcceptor::from(tls.current()).accept(stream)).await
        {
            Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak<S>(&self, stream: S, peer: Peer, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let gate = self.gate.clone();
        let asked = Arc::new(AtomicBool::new(false));
        let asking = asked.clone();
        let service = hyper::service::service_fn(move |request: axum::http::Request<_>| {
            asking.store(true, Ordering::Relaxed);
            let mut request = request.map(Body::new);
            name_host(&mut request);
            request.extensions_mut().insert(peer);
            let gate = gate.clone();
            async move { Ok::<_, Infallible>(gate.answer(request).await) }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        // Which protocol it is shows with the first bytes, and nothing else waits for those with a limit.
        let silent = async {
            tokio::time::sleep(self.header_timeout).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = watcher.watch(connection.into_owned()) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
            () = silent => tracing::debug!("a connection asked for nothing"),
        }
    }
}

/// HTTP/2 names the host in its own way (RFC 9113, section 8.3.1); who asks for it here need not know.
fn name_host(request: &mut axum::http::Request<Body>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// Lets the system close a connection whose other end has gone without a word, as phones do: a stream of events would
/// otherwise be written to nobody for a quarter of an hour, and hold its place among those of its user.
#[cfg(target_os = "linux")]
fn notice_silence(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(SILENCE)) {
        tracing::debug!(%error, "a connection waits for its other end without a limit");
    }
}

#[cfg(not(target_os = "linux"))]
fn notice_silence(_: &TcpStream) {}
