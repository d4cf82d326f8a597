//! Reading relationships.

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;

use super::entity::{Column, Entity, Model};

/// The relationships of a user, with one counselor or with all, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_user(
    database: &Database,
    user_id: &str,
    counselor_id: Option<&str>,
) -> Result<Vec<Model>, Error> {
    let mut relationships =
        Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::DeletedAt.is_null());
    if let Some(counselor_id) = counselor_id {
        relationships = relationships.filter(Column::CounselorId.eq(counselor_id));
    }
    Ok(relationships.order_by_asc(Column::Id).all(database.read()).await?)
}
