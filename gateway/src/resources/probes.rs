//! Whether the gateway lives and whether the mesh is ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::health::{Report, Status};
use shared::mesh::SERVICES;
use utoipa::ToSchema;

use crate::App;

/// What the mesh has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// How far requests can be served.
    status: ReadinessStatus,
    /// Why the status is not `ready`, each as `<part>: <what is the matter>`.
    reasons: Vec<String>,
    /// Whether requests can be served: `status` is not `unready`.
    ready: bool,
    /// Whether the broker answers.
    broker: bool,
    /// Live instances of each service.
    instances: BTreeMap<&'static str, usize>,
    /// What is missing.
    missing: Vec<&'static str>,
}

/// How far requests can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum ReadinessStatus {
    /// Everything is there.
    Ready,
    /// Requests are served, but what follows from them is late: the broker is away. Sign-in and feeds need it.
    Degraded,
    /// A service has no instance, or this gateway stops.
    Unready,
}

impl From<Status> for ReadinessStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Ready => Self::Ready,
            Status::Degraded => Self::Degraded,
            Status::Unready => Self::Unready,
        }
    }
}

/// Answers as long as the process does.
#[utoipa::path(get, path = "/livez", tag = "probes", security(()), responses((status = 200, description = "alive")))]
pub async fn livez() -> StatusCode {
    StatusCode::OK
}

/// Says whether requests can be served, and what is missing. Without the broker they can, for the most part.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "probes",
    security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let Report { status, reasons, .. } = app.health.report();
    let broker = app.health.has_broker();
    let instances: BTreeMap<_, _> =
        SERVICES.into_iter().map(|service| (service, app.directory.instances(service).len())).collect();
    let mut missing: Vec<_> =
        instances.iter().filter(|(_, count)| **count == 0).map(|(service, _)| *service).collect();
    if !broker {
        missing.push("nats-server");
    }
    let ready = status != Status::Unready;
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness { status: status.into(), reasons, ready, broker, instances, missing }))
}
