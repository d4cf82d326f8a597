//! The inbox: which events a consumer has applied.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::time::{Clock, Timestamp};

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) consumer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) event_id: String,
    pub(crate) applied_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Notes that `consumer` applies the event in this transaction; false when it has been applied before.
///
/// Of two transactions with the same event the second one waits here for the first.
pub(crate) async fn record(
    connection: &impl ConnectionTrait,
    consumer: &str,
    event_id: &str,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        consumer: Set(consumer.to_owned()),
        event_id: Set(event_id.to_owned()),
        applied_at: Set(Clock::system().now()),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::columns([Column::Consumer, Column::EventId]).do_nothing().to_owned())
        .exec_without_returning(connection)
        .await?;
    #[cfg(feature = "sabotage")]
    if crate::sabotage::Sabotage::NoInbox.is_on() {
        return Ok(true);
    }
    Ok(inserted == 1)
}

/// Whether `consumer` has applied the event.
pub(crate) async fn is_applied(
    connection: &impl ConnectionTrait,
    consumer: &str,
    event_id: &str,
) -> Result<bool, DbErr> {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::Sabotage::NoInbox.is_on() {
        return Ok(false);
    }
    let row = Entity::find_by_id((consumer.to_owned(), event_id.to_owned())).one(connection).await?;
    Ok(row.is_some())
}

/// Forgets what was applied before `before`.
pub(crate) async fn prune(connection: &impl ConnectionTrait, before: Timestamp) -> Result<u64, DbErr> {
    let deleted = Entity::delete_many().filter(Column::AppliedAt.lt(before)).exec(connection).await?;
    Ok(deleted.rows_affected)
}
