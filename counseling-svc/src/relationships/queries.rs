//! Reading relationships.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};

use super::entity::{Column, Entity, Model};

/// The relationships of a user, with one counselor or with all, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_user(
    database: &Database,
    user_id: &str,
    counselor_id: Option<&str>,
    page: Page<String>,
) -> Result<Listed<Model>, Error> {
    let mut relationships =
        Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::DeletedAt.is_null());
    if let Some(counselor_id) = counselor_id {
        relationships = relationships.filter(Column::CounselorId.eq(counselor_id));
    }
    let mut relationships = relationships.cursor_by(Column::Id);
    page.cut(page.seek(&mut relationships).all(database.read()).await?, |row| row.id.clone())
}

/// One relationship that the caller may see.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn get(database: &Database, caller: &Caller, id: &str) -> Result<Model, Error> {
    const WHAT: &str = "relationship";
    let found = Entity::find_by_id(id).filter(Column::DeletedAt.is_null());
    let found = found.one(database.read()).await?.ok_or(Error::NotFound(WHAT))?;
    caller.require_owner(&found.user_id, WHAT)?;
    Ok(found)
}

/// How close a user is to a counselor; 0 when they have not met.
///
/// # Errors
/// When the database does not answer.
pub async fn rapport(database: &Database, user_id: &str, counselor_id: &str) -> Result<i32, Error> {
    let met = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::CounselorId.eq(counselor_id));
    Ok(met.one(database.read()).await?.map_or(0, |met| met.rapport))
}
