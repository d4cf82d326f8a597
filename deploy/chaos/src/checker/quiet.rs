//! Waiting until nobody has anything left to do.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use shared::database::Database;
use shared::messaging::{ConsumerSpec, Nats};
use shared::testkit::Broker;

use crate::BoxError;

/// What there may be to do.
pub struct Work<'a> {
    /// Rows that somebody is working on, as `SELECT COUNT(*) AS n …`, and what they are. Those that lead to others first.
    pub rows: Vec<(&'a Database, &'static str, &'static str)>,
    /// Who applies events.
    pub consumers: Vec<&'static ConsumerSpec>,
    /// The broker, and who asks it.
    pub broker: &'a (dyn Broker + Sync),
}

/// Events that are not published yet.
pub const WAITING: &str = "SELECT COUNT(*) AS n FROM outbox WHERE published_at IS NULL";

/// Waits until there is nothing to do, at most for `limit`: what is left, or nothing.
pub async fn until_quiet(work: &Work<'_>, limit: Duration) -> Option<String> {
    let began = Instant::now();
    loop {
        let left = match left(work).await {
            Ok(left) => left,
            Err(error) => Some(format!("somebody does not answer: {error}")),
        };
        if left.is_none() || began.elapsed() > limit {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The first thing that is left to do. Rows before events, and events before consumers: each leads to the next.
async fn left(work: &Work<'_>) -> Result<Option<String>, BoxError> {
    for (database, sql, what) in &work.rows {
        let number = count(database, sql).await?;
        if number > 0 {
            return Ok(Some(format!("{number} {what}")));
        }
    }
    let nats = Nats::connect(&work.broker.settings("operator"), "chaos").await?;
    for spec in &work.consumers {
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
