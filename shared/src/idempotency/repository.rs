//! Claims in the database.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ExprTrait, FromQueryResult, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*,
};

use super::domain::Claim;
use super::entity::{ActiveModel, Column, Entity, Model};
use crate::time::Timestamp;

/// Keeps the claim unless one stands that has not expired, and tells which one stands.
///
/// One statement does both: of two at once the second waits for the first, and is told what that has kept.
pub(super) async fn claim(
    connection: &impl ConnectionTrait,
    claim: &Claim,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Model, DbErr> {
    let row = ActiveModel {
        name: Set(claim.name()),
        id: Set(claim.id.clone()),
        request_hash: Set(claim.request_hash.clone()),
        expires_at: Set(expires_at),
    };
    let mut taken_over_if_expired = OnConflict::column(Column::Name);
    for column in [Column::Id, Column::RequestHash, Column::ExpiresAt] {
        let has_expired = Expr::col((Entity, Column::ExpiresAt)).lte(now);
        let (new, standing) = (Expr::col(("excluded", column)), Expr::col((Entity, column)));
        taken_over_if_expired.value(column, Expr::case(has_expired, new).finally(standing));
    }
    let mut insert = Entity::insert(row).on_conflict(taken_over_if_expired).into_query();
    insert.returning_all();
    let statement = connection.get_database_backend().build(&insert);
    // All rows, though there is one: SQLite commits at the end of a statement, and only then knows whether it can.
    let standing = Model::find_by_statement(statement).all(connection).await?.pop();
    standing.ok_or_else(|| DbErr::RecordNotFound("the claim that was kept".to_owned()))
}

/// The names of up to `limit` claims that have expired, the oldest first.
pub(super) async fn expired(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Name)
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::ExpiresAt)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await
}

/// Forgets those of these claims that have expired: one may have been taken over since it was found.
pub(super) async fn forget(
    connection: &impl ConnectionTrait,
    names: Vec<String>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let expired = Entity::delete_many().filter(Column::Name.is_in(names)).filter(Column::ExpiresAt.lte(now));
    expired.exec(connection).await?;
    Ok(())
}
