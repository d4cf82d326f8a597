//! Requests over one HTTP/1.1 connection.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::BoxError;

/// A connection to the gateway, on behalf of one user.
pub(crate) struct Rest {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: Option<String>,
}

impl Rest {
    pub(crate) async fn connect(address: &str, token: Option<&str>) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_owned(), token: token.map(str::to_owned) })
    }

    /// The body of a success.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes, BoxError> {
        self.send("GET", path, None, None).await
    }

    /// The body of a success.
    pub(crate) async fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Bytes, BoxError> {
        self.send("POST", path, body, None).await
    }

    /// The body of a success, of a request that is done once for a key.
    pub(crate) async fn post_once(&mut self, path: &str, body: &Value, key: &str) -> Result<Bytes, BoxError> {
        self.send("POST", path, Some(body), Some(key)).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Bytes, BoxError> {
        let mut request = http::Request::builder().method(method).uri(path).header("host", &self.host);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let (status, body) = self.answer(request.body(Full::new(body))?).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{method} {path}: {status}: {body:?}").into())
        }
    }

    /// The status of an answer, whatever it is.
    pub(crate) async fn status_of(&mut self, path: &str) -> Result<StatusCode, BoxError> {
        let mut request = http::Request::get(path).header("host", &self.host);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Ok(self.answer(request.body(Full::default())?).await?.0)
    }

    async fn answer(&mut self, request: http::Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), BoxError> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        Ok((response.status(), response.into_body().collect().await?.to_bytes()))
    }
}

/// The text at a JSON pointer.
pub(crate) fn text(body: &[u8], pointer: &str) -> Result<String, BoxError> {
    let body: Value = serde_json::from_slice(body)?;
    let text = body.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no {pointer}"))?;
    Ok(text.to_owned())
}
