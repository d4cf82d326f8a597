//! Erasing what belongs to a user.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, SelectStatement};
use sea_orm::{QueryOrder, QuerySelect, QueryTrait};
use shared::Error;
use shared::database::{Database, Transaction};
use shared::hash::sha256_hex;
use shared::time::Timestamp;

use super::entity;
use crate::contexts::entity::{context, summary};
use crate::counsels::entity::{counsel, message};
use crate::relationships::entity as relationship;

/// How many messages go in one transaction, so that nobody waits long for the write lock.
const AT_ONCE: u64 = 200;

/// Notes that a user is erased. From then on nobody opens a counsel for them.
///
/// # Errors
/// When the database does not answer.
pub async fn mark(database: &Database, user_id: &str, now: Timestamp) -> Result<(), Error> {
    let transaction = database.begin().await?;
    let row = entity::ActiveModel { user_id: Set(user_id.to_owned()), erased_at: Set(now) };
    let known = OnConflict::column(entity::Column::UserId).do_nothing().to_owned();
    entity::Entity::insert(row).on_conflict(known).exec_without_returning(&*transaction).await?;
    transaction.commit().await
}

/// Erases a part of what the user said and was told; false when nothing is left.
///
/// # Errors
/// When the database does not answer.
pub async fn erase_messages(database: &Database, user_id: &str) -> Result<bool, Error> {
    let transaction = database.begin().await?;
    let some: Vec<String> = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::CounselId.in_subquery(counsels_of(user_id)))
        .order_by_desc(message::Column::CreatedAt)
        .limit(AT_ONCE)
        .into_tuple()
        .all(&*transaction)
        .await?;
    if some.is_empty() {
        return Ok(false);
    }
    message::Entity::delete_many().filter(message::Column::Id.is_in(some)).exec(&*transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Erases everything that belongs to the user and is still there.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(transaction: &Transaction, user_id: &str) -> Result<(), Error> {
    lock_user(transaction, user_id).await?;
    let connection = &**transaction;
    // Whoever is in the middle of a turn holds its counsel's row: this waits for the end of that.
    let own = counsel::Entity::find().filter(counsel::Column::UserId.eq(user_id));
    own.select_only()
        .column(counsel::Column::Id)
        .lock_exclusive()
        .into_tuple::<String>()
        .all(connection)
        .await?;
    let of_user = counsels_of(user_id);
    let messages = message::Entity::delete_many();
    messages.filter(message::Column::CounselId.in_subquery(of_user.clone())).exec(connection).await?;
    let contexts = context::Entity::delete_many();
    contexts.filter(context::Column::Id.in_subquery(of_user.clone())).exec(connection).await?;
    let summaries = summary::Entity::delete_many();
    summaries.filter(summary::Column::Id.in_subquery(of_user)).exec(connection).await?;
    let counsels = counsel::Entity::delete_many();
    counsels.filter(counsel::Column::UserId.eq(user_id)).exec(connection).await?;
    let relationships = relationship::Entity::delete_many();
    relationships.filter(relationship::Column::UserId.eq(user_id)).exec(connection).await?;
    Ok(())
}

/// Whether a user is erased; nobody erases them from now until the end of the transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn is_erased(transaction: &Transaction, user_id: &str) -> Result<bool, Error> {
    lock_user(transaction, user_id).await?;
    Ok(entity::Entity::find_by_id(user_id).one(&**transaction).await?.is_some())
}

async fn lock_user(transaction: &Transaction, user_id: &str) -> Result<(), Error> {
    // 60 bits: two users who share a lock wait for each other, and that is all.
    let key = i64::from_str_radix(&sha256_hex(user_id)[..15], 16).map_err(Error::internal)?;
    transaction.lock(key).await
}

/// The ids of everything that a user opened.
pub fn counsels_of(user_id: &str) -> SelectStatement {
    counsel::Entity::find()
        .select_only()
        .column(counsel::Column::Id)
        .filter(counsel::Column::UserId.eq(user_id))
        .into_query()
}
