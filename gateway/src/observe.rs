//! The request id, the span and the access log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;
use shared::id;
use shared::telemetry::{self, HttpHeaders, TraceParent};
use tracing::Instrument;

use crate::envelope::REQUEST_ID;

/// Names a request, in the request and in the answer.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Runs a request that has its id in a span that continues the client's trace, and writes one line about it. Queries,
/// bodies and headers stay out of the log.
pub async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = REQUEST_ID.try_with(String::clone).unwrap_or_default();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "(none)".to_owned());
    let parent = TraceParent::of(&HttpHeaders(request.headers()));
    let span = tracing::info_span!("request", %method, route, request_id, trace_id = parent.trace_id());
    parent.continue_in(&span);
    let run = async {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        telemetry::http_answered(status);
        let ms = (began.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
        // Probes come every few seconds: they would bury the rest.
        if matches!(route.as_str(), "/livez" | "/readyz") {
            tracing::debug!(status, ms, "answered");
        } else {
            tracing::info!(status, ms, "answered");
        }
        response
    };
    run.instrument(span).await
}

/// The client's id of a request, if it is one that a log can hold; a new one otherwise.
pub fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let sane = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    given.filter(sane).map_or_else(id::new_id, str::to_owned)
}
