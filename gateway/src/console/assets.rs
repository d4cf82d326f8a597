//! The style and the script. Their addresses change with what they hold, so that a browser asks for each once.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use shared::hash::sha256_hex;

use super::PATH;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/script.js");

static STYLE_NAME: LazyLock<String> = LazyLock::new(|| named("style", STYLE, "css"));
static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| named("script", SCRIPT, "js"));

/// The address of the style.
pub fn style() -> String {
    format!("{PATH}{}", *STYLE_NAME)
}

/// The address of the script.
pub fn script() -> String {
    format!("{PATH}{}", *SCRIPT_NAME)
}

/// For everybody: the page on which one signs in has a style, too.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(&STYLE_NAME, get(async || asset("text/css; charset=utf-8", STYLE)))
        .route(&SCRIPT_NAME, get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "private, max-age=31536000, immutable")], text)
}

fn named(name: &str, text: &str, kind: &str) -> String {
    format!("/assets/{name}-{}.{kind}", &sha256_hex(text)[..16])
}
