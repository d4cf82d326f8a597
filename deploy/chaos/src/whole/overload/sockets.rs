//! Connections to the gateways that are kept, each with one request at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::requests::Requests;
use crate::BoxError;

/// How long an answer is waited for: longer than a gateway waits, which then says so.
const LIMIT: Duration = Duration::from_secs(30);

/// After so long without a request a connection is made anew: before a gateway closes it, maybe while a request comes.
const IDLE: Duration = Duration::from_secs(20);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// 2xx.
    Accepted,
    /// 503 with `Retry-After`, or 429.
    Shed,
    /// Another status.
    Other(u16),
    /// The connection was lost, or no answer came in time.
    Lost,
    /// It had no socket: all were waiting for an answer.
    Unsent,
}

impl End {
    /// Whether it is none that anybody should see.
    pub fn is_broken(self) -> bool {
        matches!(self, Self::Other(_) | Self::Lost)
    }
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Whether it was to write something.
    pub writes: bool,
    /// When it was due, since its step began.
    pub due: Duration,
    /// How much later it was sent than it was due: whoever loads is short of time, too.
    pub late: Duration,
    /// From when it was due, as nobody cares why an answer is late.
    pub took: Duration,
}

impl Ended {
    /// One that had no socket when it was due.
    pub fn unsent(due: Duration, writes: bool) -> Self {
        Self { end: End::Unsent, writes, due, late: Duration::ZERO, took: Duration::ZERO }
    }
}

/// A connection; it is made when it is first needed, and again when it was lost.
pub struct Socket {
    host: HeaderValue,
    sender: Option<SendRequest<Full<Bytes>>>,
    used: Instant,
}

impl Socket {
    /// Sends a request that was due so long after `began`, and reads the answer.
    pub async fn ask(&mut self, requests: &Requests, number: usize, began: Instant, due: Duration) -> Ended {
        let late = began.elapsed().saturating_sub(due);
        let answer = async { self.send(requests.get(number, &self.host)?).await };
        let end = match tokio::time::timeout(LIMIT, answer).await {
            Ok(Ok(end)) => end,
            Ok(Err(_)) | Err(_) => {
                self.sender = None;
                End::Lost
            }
        };
        Ended { end, writes: requests.writes(number), due, late, took: began.elapsed().saturating_sub(due) }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<End, BoxError> {
        let sender = match &mut self.sender {
            Some(sender) if !sender.is_closed() && self.used.elapsed() < IDLE => sender,
            lost => {
                let stream = TcpStream::connect(self.host.to_str()?).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                lost.insert(sender)
            }
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let (status, may_return) = (response.status(), response.headers().contains_key(RETRY_AFTER));
        response.into_body().collect().await?;
        self.used = Instant::now();
        Ok(match status {
            status if status.is_success() => End::Accepted,
            StatusCode::SERVICE_UNAVAILABLE if may_return => End::Shed,
            StatusCode::TOO_MANY_REQUESTS => End::Shed,
            status => End::Other(status.as_u16()),
        })
    }
}

/// The connections that nobody uses at the moment.
#[derive(Clone)]
pub struct Sockets(Arc<Mutex<VecDeque<Socket>>>);

impl Sockets {
    /// So many, to the gateways in turn.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(gateways: &[String], number: usize) -> Result<Self, BoxError> {
        let socket =
            |gateway: &String| Ok(Socket { host: gateway.parse()?, sender: None, used: Instant::now() });
        let sockets: Result<_, BoxError> = gateways.iter().cycle().take(number).map(socket).collect();
        Ok(Self(Arc::new(Mutex::new(sockets?))))
    }

    /// One that is free. The one that was used last comes last, so that all are used alike.
    pub fn take(&self) -> Option<Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Gives one back.
    pub fn give_back(&self, socket: Socket) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(socket);
    }
}
