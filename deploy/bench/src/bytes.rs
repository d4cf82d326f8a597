//! What a bare axum route can do: the limit of any gateway on it. It runs in a process of its own, started as
//! `bench serve-bytes ADDRESS BODY`, with as many threads as the gateway has on two processors.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::BoxError;

/// The command that nobody but the benchmark itself gives.
pub(crate) const COMMAND: &str = "serve-bytes";

/// Answers every `GET /v1/users/me` with the same bytes, until the process is ended.
///
/// # Errors
/// When it cannot listen there.
pub(crate) async fn serve(arguments: &[String]) -> Result<(), BoxError> {
    let [address, body] = arguments else {
        return Err(format!("{COMMAND} needs an address and a body").into());
    };
    let body = Bytes::copy_from_slice(body.as_bytes());
    let answer = async || ([(CONTENT_TYPE, "application/json")], body);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // Without it the figures are those of Nagle's algorithm, which is no error.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().route("/v1/users/me", get(answer))).await?;
    Ok(())
}
