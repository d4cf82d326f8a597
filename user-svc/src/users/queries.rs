//! Reading users.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;

use super::domain::{Nickname, User};
use super::entity::{Column, Entity};

/// Reads users; those who are deleted are not there.
pub struct UserQueries {
    database: Database,
}

impl UserQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn get(&self, user_id: &str) -> Result<User, Error> {
        self.one(Column::Id.eq(user_id)).await
    }

    /// By nickname, whatever its case.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nobody has it.
    pub async fn by_nickname(&self, nickname: &str) -> Result<User, Error> {
        let nickname = Nickname::parse(nickname).map_err(|rule| Error::invalid("nickname", rule))?;
        self.one(Column::NicknameKey.eq(nickname.key())).await
    }

    async fn one(&self, which: Expr) -> Result<User, Error> {
        let present = Entity::find().filter(which).filter(Column::DeletedAt.is_null());
        present.one(self.database.read()).await?.ok_or(Error::NotFound("user"))?.try_into()
    }
}
