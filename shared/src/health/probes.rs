//! `/livez` and `/readyz` of a process, apart from what it serves.

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::{Backlog, Health, Report, Status};

/// A [`Report`] without the calls, which the metrics tell of.
#[derive(Serialize)]
struct Readiness {
    status: Status,
    reasons: Vec<String>,
    outbox: Option<Backlog>,
}

/// `/livez` answers 200 as long as the process does; `/readyz` answers 503 when it should get no requests.
pub(crate) fn probes(health: Health) -> Router {
    let readyz = async move || {
        let Report { status, reasons, outbox, calls: _ } = health.report();
        let code = match status {
            Status::Ready | Status::Degraded => StatusCode::OK,
            Status::Unready => StatusCode::SERVICE_UNAVAILABLE,
        };
        (code, Json(Readiness { status, reasons, outbox }))
    };
    Router::new().route("/livez", get(async || StatusCode::OK)).route("/readyz", get(readyz))
}
