//! Whether the gateway lives and whether the mesh is ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_nats::connection::State as Connection;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::mesh::SERVICES;
use utoipa::ToSchema;

use crate::App;

/// What the mesh has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether requests can be served.
    ready: bool,
    /// Whether the broker is connected.
    broker: bool,
    /// Live instances of each service.
    instances: BTreeMap<&'static str, usize>,
    /// What is missing.
    missing: Vec<&'static str>,
}

/// Answers as long as the process does.
#[utoipa::path(get, path = "/livez", tag = "probes", security(()), responses((status = 200, description = "alive")))]
pub async fn livez() -> StatusCode {
    StatusCode::OK
}

/// Says whether there is an instance of every service, and what is missing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "probes",
    security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let broker = app.nats.connection_state() == Connection::Connected;
    let instances: BTreeMap<_, _> =
        SERVICES.into_iter().map(|service| (service, app.directory.instances(service).len())).collect();
    let mut missing: Vec<_> =
        instances.iter().filter(|(_, count)| **count == 0).map(|(service, _)| *service).collect();
    if !broker {
        missing.push("nats-server");
    }
    let ready = missing.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, broker, instances, missing }))
}
