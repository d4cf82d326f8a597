//! Counts requests and how they ended.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use shared::health::Health;

/// Counts a request as answered when its answer begins: a stream of events may go on for hours.
pub async fn count(State(health): State<Health>, request: Request, next: Next) -> Response {
    let call = health.call();
    let response = next.run(request).await;
    call.answered(response.status().is_server_error());
    response
}
