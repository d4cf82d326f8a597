//! The outbox: events wait in the database of the service until the relay has published them.

use std::time::Duration;

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, DbBackend, QueryOrder, QuerySelect, Statement};
use tokio::sync::Notify;

use super::event::{CAUSE, Event, type_of};
use crate::health::Backlog;
use crate::time::{Clock, Timestamp};
use crate::{Error, id, telemetry};

/// How many parts the outbox is shared out in among replicas. All events of one aggregate are in one lane.
pub(crate) const LANES: i32 = 16;
/// What sets the advisory locks of aggregates apart from other ones in PostgreSQL.
const LOCKS: i32 = 0x6f75_7462;

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) lane: i32,
    pub(crate) aggregate_id: String,
    pub(crate) subject: String,
    pub(crate) event_type: String,
    pub(crate) data: String,
    pub(crate) correlation_id: String,
    pub(crate) causation_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) published_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Wakes the relay when a transaction that wrote events has committed.
#[derive(Debug, Default)]
pub struct OutboxSignal(Notify);

impl OutboxSignal {
    /// There are new events.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    /// Completes once there are new events.
    pub async fn notified(&self) {
        self.0.notified().await;
    }
}

/// Appends events, in the transaction that made them true and in their order; it should commit then and there.
///
/// Who appends events about an aggregate waits for the transaction that has done so and is not committed yet: otherwise the
/// relay could see the later one of two events first.
pub(crate) async fn append(connection: &impl ConnectionTrait, events: Vec<ActiveModel>) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    // SQLite has one writer at a time anyway.
    if connection.get_database_backend() == DbBackend::Postgres {
        let mut keys: Vec<_> = events.iter().map(|event| key_of(event.aggregate_id.as_ref())).collect();
        // All in the same order, so that no two wait for each other.
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let lock =
            "SELECT pg_advisory_xact_lock($1, key) FROM unnest(string_to_array($2, ',')::int[]) AS key";
        let lock =
            Statement::from_sql_and_values(DbBackend::Postgres, lock, [LOCKS.into(), keys.join(",").into()]);
        connection.execute_raw(lock).await?;
    }
    Entity::insert_many(events).exec_without_returning(connection).await?;
    Ok(())
}

/// The lock of an aggregate. Two may share one: they wait for each other in vain, and nothing more.
fn key_of(aggregate_id: &str) -> i32 {
    let hash = fnv1a(aggregate_id);
    // Both halves, so that none is lost.
    ((hash >> 32) ^ hash) as u32 as i32
}

/// What is kept of `event`.
pub(crate) fn row<E: Event>(event: &E) -> Result<ActiveModel, Error> {
    let aggregate_id = event.aggregate_id();
    let id = id::new_id();
    let cause = CAUSE.try_with(Clone::clone).ok();
    Ok(ActiveModel {
        seq: ActiveValue::NotSet,
        lane: ActiveValue::Set(lane_of(aggregate_id)),
        aggregate_id: ActiveValue::Set(aggregate_id.to_owned()),
        subject: ActiveValue::Set(format!("{}.{aggregate_id}", E::SUBJECT)),
        event_type: ActiveValue::Set(type_of(E::SUBJECT)),
        data: ActiveValue::Set(serde_json::to_string(event).map_err(Error::internal)?),
        correlation_id: ActiveValue::Set(
            cause.as_ref().map_or_else(|| id.clone(), |cause| cause.correlation_id.clone()),
        ),
        causation_id: ActiveValue::Set(cause.map(|cause| cause.event_id)),
        traceparent: ActiveValue::Set(telemetry::traceparent()),
        occurred_at: ActiveValue::Set(Clock::system().now()),
        published_at: ActiveValue::Set(None),
        id: ActiveValue::Set(id),
    })
}

/// Replicas of any version must agree on it.
fn lane_of(aggregate_id: &str) -> i32 {
    i32::try_from(fnv1a(aggregate_id) % u64::from(LANES.unsigned_abs())).unwrap_or_default()
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The lanes in which events wait.
pub(crate) async fn waiting_lanes(connection: &impl ConnectionTrait) -> Result<Vec<i32>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Lane)
        .distinct()
        .filter(Column::PublishedAt.is_null())
        .into_tuple()
        .all(connection)
        .await
}

/// The first `limit` events behind `seq` that wait in `lanes`, oldest first.
pub(crate) async fn waiting(
    connection: &impl ConnectionTrait,
    lanes: &[i32],
    seq: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::PublishedAt.is_null())
        .filter(Column::Lane.is_in(lanes.iter().copied()))
        .filter(Column::Seq.gt(seq))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(connection)
        .await
}

/// How much waits. A step through the partial index `outbox_unpublished` for each event that is counted and one for each
/// lane: it costs the same however many events are kept and however many wait beyond [`Backlog::COUNTED`].
pub(crate) async fn backlog(connection: &impl ConnectionTrait, now: Timestamp) -> Result<Backlog, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), backlog_sql());
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the count of events".to_owned()))?;
    let (waiting, oldest) = (row.try_get::<i64>("", "waiting")?, row.try_get::<Option<i64>>("", "oldest")?);
    let micros = oldest.map_or(0, |oldest| (now.as_micros() - oldest).max(0));
    Ok(Backlog {
        waiting: waiting.unsigned_abs(),
        oldest_seconds: Duration::from_micros(micros.unsigned_abs()).as_secs_f64(),
    })
}

/// The first event of a lane is the oldest one there. The orders leave a planner no other index.
pub(crate) fn backlog_sql() -> String {
    format!(
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE published_at IS NULL ORDER BY lane, seq \
         LIMIT {}) AS counted) AS waiting, (SELECT MIN(occurred_at) FROM (SELECT (SELECT occurred_at FROM outbox \
         WHERE lane = outbox_lane.lane AND published_at IS NULL ORDER BY seq LIMIT 1) AS occurred_at \
         FROM outbox_lane) AS firsts) AS oldest",
        Backlog::COUNTED,
    )
}

/// Marks events as published.
pub(crate) async fn mark(
    connection: &impl ConnectionTrait,
    seqs: Vec<i64>,
    at: Timestamp,
) -> Result<(), DbErr> {
    if seqs.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::PublishedAt, Expr::value(at))
        .filter(Column::Seq.is_in(seqs))
        .exec(connection)
        .await?;
    Ok(())
}

/// Forgets events that were published before `before`.
pub(crate) async fn prune(connection: &impl ConnectionTrait, before: Timestamp) -> Result<u64, DbErr> {
    let deleted = Entity::delete_many().filter(Column::PublishedAt.lt(before)).exec(connection).await?;
    Ok(deleted.rows_affected)
}
