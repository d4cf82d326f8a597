//! What it costs to find out who calls, and to say it to a service: `GET /v1/users/me` on gateways that remember tokens and
//! on those that do not.

use crate::BoxError;
use crate::compare::{Plan, Row, compare};
use crate::arguments::Arguments;
use crate::mesh::{Mesh, Store};
use crate::read::rest;

/// Gateways that differ in what they remember.
const GATEWAYS: [(&str, &[(&str, &str)]); 3] = [
    ("gateway", &[]),
    ("access tokens verified each time", &[("SESSION_CACHE", "0")]),
    ("and each call signed anew", &[("SESSION_CACHE", "0"), ("MESH_TOKEN_CACHE", "0")]),
];

/// Measures all of them.
///
/// # Errors
/// When one cannot be started, or does not answer.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mut mesh = Box::pin(Mesh::start(Store::Sqlite, &["user-svc"])).await?;
    let guest = mesh.guest().await?;
    let mut gateways = Vec::new();
    for (name, configuration) in GATEWAYS {
        let address = mesh.another_gateway(configuration)?;
        Mesh::rest_at(&address, &guest).await?;
        gateways.push((name, address));
    }
    let contenders: Vec<_> = gateways
        .iter()
        .map(|(name, address)| rest(name, address, &guest, mesh.processes(&["user-svc", address])))
        .collect();
    compare("GET /v1/users/me, remembering tokens", &contenders, Plan::of(arguments)).await
}
