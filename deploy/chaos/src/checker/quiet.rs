//! Waiting until nobody has anything left to do.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use shared::database::Database;
use shared::messaging::{CREDIT_TOKENS, ConsumerSpec, KEEP_CUSTOMERS, Nats};

use crate::BoxError;
use crate::mesh::Mesh;

/// Waits until there is nothing to do, at most for `limit`: what is left, or nothing.
pub async fn until_quiet(mesh: &Mesh, limit: Duration) -> Option<String> {
    let began = Instant::now();
    loop {
        let left = match left(mesh).await {
            Ok(left) => left,
            Err(error) => Some(format!("somebody does not answer: {error}")),
        };
        if left.is_none() || began.elapsed() > limit {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The first thing that is left to do. Orders before events, and events before consumers: each leads to the next.
async fn left(mesh: &Mesh) -> Result<Option<String>, BoxError> {
    let open =
        "SELECT COUNT(*) AS n FROM orders WHERE state IN ('ORDER_STATE_CREATED', 'ORDER_STATE_PENDING')";
    let requested = "SELECT COUNT(*) AS n FROM refunds WHERE state = 'REQUESTED'";
    let waiting = "SELECT COUNT(*) AS n FROM outbox WHERE published_at IS NULL";
    for (database, sql, what) in [
        (&mesh.payments, open, "open orders"),
        (&mesh.payments, requested, "refunds without an answer"),
        (&mesh.payments, waiting, "events in payment-svc's outbox"),
        (&mesh.users, waiting, "events in user-svc's outbox"),
    ] {
        let number = count(database, sql).await?;
        if number > 0 {
            return Ok(Some(format!("{number} {what}")));
        }
    }
    let nats = mesh.nats.connect().await;
    for spec in [&CREDIT_TOKENS, &KEEP_CUSTOMERS] {
        let number = pending(&nats, spec).await?;
        if number > 0 {
            return Ok(Some(format!("{number} events before {}", spec.name)));
        }
    }
    Ok(None)
}

async fn pending(nats: &Nats, spec: &ConsumerSpec) -> Result<u64, BoxError> {
    let stream = nats.jetstream.get_stream(spec.stream).await?;
    let info = stream.consumer_info(spec.name).await?;
    Ok(info.num_pending + u64::try_from(info.num_ack_pending)?)
}

async fn count(database: &Database, sql: &str) -> Result<i64, BoxError> {
    let row = database.read().query_one_raw(Statement::from_string(database.backend(), sql)).await?;
    Ok(row.ok_or("a count has one row")?.try_get("", "n")?)
}
