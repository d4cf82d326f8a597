//! A chat in a page, for whoever tries the API out: served in development only.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::App;

const PAGE: &str = include_str!("../../examples/web-chat/index.html");
const SCRIPT: &str = include_str!("../../examples/web-chat/chat.js");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/chat", get(async || page("text/html; charset=utf-8", PAGE)))
        .route("/chat/chat.js", get(async || page("text/javascript; charset=utf-8", SCRIPT)))
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], text)
}
