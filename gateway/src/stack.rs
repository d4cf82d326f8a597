//! The layers around the router, outermost first.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use shared::health::Health;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::count::count;
use crate::edge::{EXPOSED, Pressure, RateLimits, TrustedProxies};
use crate::edge::{limit_addresses, relieve, same_site_only, tell_address};
use crate::envelope::ApiError;
use crate::events::LAST_EVENT_ID;
use crate::input::IDEMPOTENCY_KEY;
use crate::measure::{Requests, measure};
use crate::observe::{REQUEST_ID_HEADER, identify, observe};
use crate::origins::Origins;

/// Wraps the router.
///
/// Everything that may refuse stands inside the layers that put the request id, the CORS headers and the envelope on
/// an answer, so that a refusal has them too. What is refused because there is too much to do costs as little as it can:
/// it is counted, but no log and no trace knows it.
pub fn wrap(
    router: Router,
    config: &Config,
    rates: &Arc<RateLimits>,
    pressure: &Arc<Pressure>,
    health: &Health,
) -> Router {
    let timeout = config.request_timeout;
    let origins = Origins::new(&config.cors_origins, config.development);
    let proxies = TrustedProxies(config.edge.trusted_proxies.clone().into());
    let is_encrypted = config.edge.tls.is_some();
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(health.clone(), count))
            .layer(from_fn_with_state(Requests::new(), measure))
            .layer(cors(origins.clone()))
            .layer(from_fn(identify))
            .layer(from_fn(move |request, next| harden(is_encrypted, request, next)))
            .layer(from_fn_with_state(pressure.clone(), relieve))
            .layer(from_fn(observe))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(move |request, next| within(timeout, request, next)))
            .layer(from_fn_with_state(proxies, tell_address))
            .layer(from_fn_with_state(rates.clone(), limit_addresses))
            .layer(from_fn_with_state(origins, same_site_only))
            .layer(DefaultBodyLimit::max(config.body_limit)),
    )
}

fn cors(origins: Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| origins.allow_header(origin)))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static(IDEMPOTENCY_KEY),
            HeaderName::from_static(LAST_EVENT_ID),
            REQUEST_ID_HEADER,
        ])
        .expose_headers([RETRY_AFTER, REQUEST_ID_HEADER].into_iter().chain(EXPOSED).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3600))
}

/// Answers hold personal data: nobody on the way keeps them, and no browser guesses what they are.
async fn harden(is_encrypted: bool, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // With less, browsers would call the origin of our own forms `null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if is_encrypted {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_api {
        // Nothing that the API answers is a page.
        let policy = "default-src 'none'; frame-ancestors 'none'";
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
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
