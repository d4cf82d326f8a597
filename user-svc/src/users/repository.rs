//! Where users are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{IntoColumnRef, OnConflict, SelectStatement};
use sea_orm::{ExprTrait, QuerySelect, QueryTrait};
use shared::Error;
use shared::database::Transaction;
use shared::error::unless_unique;
use shared::proto::v1::{Gender, Mbti};

use super::domain::{BirthYear, Nickname, ProfileImage, User, UserProfile};
use super::entity::{ActiveModel, Column, Entity, Model};
use shared::labels::stored;

/// What commands need of the place where users are kept.
pub trait Users {
    /// The user, deleted or not, whom nobody else changes until the end of the transaction.
    fn user_for_change(&self, id: &str) -> impl Future<Output = Result<Option<User>, Error>> + Send;

    /// Adds a user; false when the id or the nickname is in use.
    fn insert_user(&self, user: &User) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed user.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the nickname is in use.
    fn save_user(&self, user: &User) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Users for Transaction {
    async fn user_for_change(&self, id: &str) -> Result<Option<User>, Error> {
        let row = Entity::find_by_id(id).lock_exclusive().one(&**self).await?;
        row.map(User::try_from).transpose()
    }

    async fn insert_user(&self, user: &User) -> Result<bool, Error> {
        // A violated constraint would end a PostgreSQL transaction; here the caller may go on.
        let any_conflict = OnConflict::new().do_nothing().to_owned();
        let inserted =
            Entity::insert(row_of(user)).on_conflict(any_conflict).exec_without_returning(&**self).await?;
        Ok(inserted == 1)
    }

    async fn save_user(&self, user: &User) -> Result<(), Error> {
        let updated = Entity::update(row_of(user)).exec_without_returning(&**self).await;
        updated.map(drop).map_err(unless_unique("nickname"))
    }
}

/// The user with the id in this column, unless they are deleted: to be looked up for each row. All ids of those who are there
/// would be read for one row.
pub fn present(id: impl IntoColumnRef) -> SelectStatement {
    let user = Entity::find().select_only().column(Column::Id).filter(Column::DeletedAt.is_null());
    user.filter(Expr::col(Column::Id.as_column_ref()).equals(id)).into_query()
}

impl TryFrom<Model> for User {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let profile = UserProfile {
            profile_image: row.profile_image.map(ProfileImage::stored),
            gender: row.gender.map(|name| stored(&name, Gender::from_str_name)).transpose()?,
            mbti: row.mbti.map(|name| stored(&name, Mbti::from_str_name)).transpose()?,
            birth_year: row.birth_year.map(BirthYear::stored),
        };
        Ok(Self {
            id: row.id,
            nickname: Nickname::stored(row.nickname),
            profile,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

fn row_of(user: &User) -> ActiveModel {
    let profile = &user.profile;
    ActiveModel {
        id: Set(user.id.clone()),
        nickname: Set(user.nickname.as_str().to_owned()),
        nickname_key: Set(user.nickname.key()),
        profile_image: Set(profile.profile_image.as_ref().map(|image| image.as_str().to_owned())),
        gender: Set(profile.gender.map(|gender| gender.as_str_name().to_owned())),
        mbti: Set(profile.mbti.map(|mbti| mbti.as_str_name().to_owned())),
        birth_year: Set(profile.birth_year.map(BirthYear::year)),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
        deleted_at: Set(user.deleted_at),
    }
}
