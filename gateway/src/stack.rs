//! The layers around the router, outermost first.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use shared::health::Health;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::edge::{EXPOSED, Pressure, RateLimits, TrustedProxies, same_site_only, written};
use crate::envelope::{ApiError, REQUEST_ID};
use crate::events::LAST_EVENT_ID;
use crate::gate::Gate;
use crate::input::IDEMPOTENCY_KEY;
use crate::measure::Requests;
use crate::observe::{REQUEST_ID_HEADER, observe, request_id};
use crate::origins::Origins;

/// What every request meets.
struct Around {
    health: Health,
    requests: Requests,
    proxies: TrustedProxies,
    rates: Arc<RateLimits>,
    origins: Origins,
    hardening: Hardening,
    timeout: Duration,
}

/// Wraps the router, and lets through to it what `pressure` admits.
///
/// Everything that may refuse stands inside the layers that put the request id, the CORS headers and the envelope on
/// an answer, so that a refusal has them too; what the gate refuses gets them there. There are few layers, of which each does several things: axum copies and
/// boxes all that is within a layer for every request.
pub fn wrap(
    router: Router,
    config: &Config,
    rates: &Arc<RateLimits>,
    pressure: Arc<Pressure>,
    health: &Health,
) -> Gate {
    let origins = Origins::new(&config.cors_origins, config.development);
    let (cors, hardening) = (cors(origins.clone()), Hardening { is_encrypted: config.edge.tls.is_some() });
    let around = Arc::new(Around {
        health: health.clone(),
        requests: Requests::new(),
        proxies: TrustedProxies(config.edge.trusted_proxies.clone()),
        rates: rates.clone(),
        origins,
        hardening,
        timeout: config.request_timeout,
    });
    let router = router.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(around.clone(), count))
            .layer(cors.clone())
            .layer(from_fn_with_state(around.clone(), identify))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(around, admit))
            .layer(DefaultBodyLimit::max(config.body_limit)),
    );
    Gate::new(router, pressure, &cors, hardening, health.clone())
}

/// Counts a request, and as answered when its answer begins: a stream of events may go on for hours.
async fn count(State(around): State<Arc<Around>>, request: Request, next: Next) -> Response {
    let (call, measured) = (around.health.call(), around.requests.begin(&request));
    let response = next.run(request).await;
    measured.answered(response.status());
    call.answered(response.status().is_server_error());
    response
}

/// Gives a request its id, tells it to the client, and writes the request down.
async fn identify(State(around): State<Arc<Around>>, request: Request, next: Next) -> Response {
    let (request_id, is_api) = (request_id(&request), is_api(&request));
    let mut response = REQUEST_ID.scope(request_id.clone(), observe(request, next)).await;
    around.hardening.put_on(&mut response, &request_id, is_api);
    response
}

/// Lets a request pass that may, for as long as it may.
async fn admit(State(around): State<Arc<Around>>, mut request: Request, next: Next) -> Response {
    around.proxies.tell(&mut request);
    let standing = match around.rates.take_of_address(&request) {
        Ok(standing) => standing,
        Err(refusal) => return refusal.into_response(),
    };
    let answered = match same_site_only(&around.origins, &request) {
        Ok(()) => within(around.timeout, next.run(request)).await,
        Err(refusal) => refusal.into_response(),
    };
    written(standing, answered)
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

/// Whether a request is for the API, and not for a page.
pub fn is_api(request: &Request) -> bool {
    request.uri().path().starts_with("/v1/")
}

/// What is put on every answer.
#[derive(Clone, Copy)]
pub struct Hardening {
    is_encrypted: bool,
}

impl Hardening {
    /// Answers hold personal data: nobody on the way keeps them, and no browser guesses what they are. And each says which
    /// request it is of.
    pub fn put_on(self, response: &mut Response, request_id: &str, is_api: bool) {
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID_HEADER, value);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        // With less, browsers would call the origin of our own forms `null`.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        if self.is_encrypted {
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        if is_api {
            // Nothing that the API answers is a page.
            let policy = "default-src 'none'; frame-ancestors 'none'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            // What anybody may see says so itself.
            let is_public =
                headers.get(CACHE_CONTROL).is_some_and(|told| told.as_bytes().starts_with(b"public"));
            if !is_public {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
        }
    }
}

async fn within(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, answer).await {
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
