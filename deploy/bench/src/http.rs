//! Requests over one HTTP/1.1 connection.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
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

    /// The body of a success, of a request with a header besides.
    pub(crate) async fn get_with(&mut self, path: &str, header: (&str, &str)) -> Result<Bytes, BoxError> {
        self.send("GET", path, None, Some(header)).await
    }

    /// The body of a success.
    pub(crate) async fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Bytes, BoxError> {
        self.send("POST", path, body, None).await
    }

    /// The body of a success, of a request with a header besides.
    pub(crate) async fn post_with(
        &mut self,
        path: &str,
        body: Option<&Value>,
        header: (&str, &str),
    ) -> Result<Bytes, BoxError> {
        self.send("POST", path, body, Some(header)).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        header: Option<(&str, &str)>,
    ) -> Result<Bytes, BoxError> {
        let mut request = self.request(method, path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
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
        let request = self.request("GET", path).body(Full::default())?;
        Ok(self.answer(request).await?.0)
    }

    /// The body of a success as it comes, until the connection ends.
    pub(crate) async fn follow(mut self, path: &str) -> Result<Incoming, BoxError> {
        let request = self.request("GET", path).header("accept", "text/event-stream").body(Full::default())?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        if status.is_success() {
            Ok(response.into_body())
        } else {
            Err(format!("GET {path}: {status}").into())
        }
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let request = http::Request::builder().method(method).uri(path).header("host", &self.host);
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
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
