//! The layers around the router, outermost first.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::envelope::ApiError;
use crate::events::LAST_EVENT_ID;
use crate::input::IDEMPOTENCY_KEY;
use crate::observe::{REQUEST_ID_HEADER, observe};

/// Wraps the router.
///
/// Everything that may refuse stands inside the layers that put the request id, the CORS headers and the envelope on
/// an answer, so that a refusal has them too.
pub fn wrap(router: Router, config: &Config) -> Router {
    let timeout = config.request_timeout;
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn(observe))
            .layer(cors(config))
            .layer(CompressionLayer::new())
            .layer(from_fn(harden))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(move |request, next| within(timeout, request, next)))
            .layer(DefaultBodyLimit::max(config.body_limit)),
    )
}

fn cors(config: &Config) -> CorsLayer {
    let listed: Vec<_> =
        config.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let development = config.development;
    let allowed = move |origin: &HeaderValue| listed.contains(origin) || (development && is_local(origin));
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| allowed(origin)))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static(IDEMPOTENCY_KEY),
            HeaderName::from_static(LAST_EVENT_ID),
            REQUEST_ID_HEADER,
        ])
        .expose_headers([RETRY_AFTER, REQUEST_ID_HEADER])
        .max_age(Duration::from_secs(3600))
}

fn is_local(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    let name = host.map(|host| host.split(':').next().unwrap_or_default());
    matches!(name, Some("localhost" | "127.0.0.1"))
}

/// Answers hold personal data: nobody on the way keeps them, and no browser guesses what they are.
async fn harden(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_api {
        // What anybody may see says so itself.
        let is_public = headers.get(CACHE_CONTROL).is_some_and(|told| told.as_bytes().starts_with(b"public"));
        if !is_public {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    response
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError::new(StatusCode::GATEWAY_TIMEOUT, "E50401", "the answer took too long").into_response()
        }
    }
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(&format!("a handler panicked: {text}")).into_response()
}
