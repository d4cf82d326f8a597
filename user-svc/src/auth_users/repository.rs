//! Where auth users are kept. Those of a deleted user are not found.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, Select};
use shared::Error;
use shared::database::Transaction;
use shared::error::unless_unique;
use shared::proto::v1;

use super::domain::{AuthChannel, AuthUser, Authority, Provider, ProviderAccount};
use super::entity::{ActiveModel, Column, Entity, Model};
use crate::users::repository;
use shared::labels::stored;

/// What commands need of the place where auth users are kept.
pub trait AuthUsers {
    /// The auth user as they are now.
    fn auth_user(&self, user_id: &str) -> impl Future<Output = Result<Option<AuthUser>, Error>> + Send;

    /// The auth user, whom nobody else changes until the end of the transaction.
    fn auth_user_for_change(
        &self,
        user_id: &str,
    ) -> impl Future<Output = Result<Option<AuthUser>, Error>> + Send;

    /// Adds an auth user.
    fn insert_auth_user(&self, user: &AuthUser) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed auth user.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account belongs to another user.
    fn save_auth_user(&self, user: &AuthUser) -> impl Future<Output = Result<(), Error>> + Send;
}

impl AuthUsers for Transaction {
    async fn auth_user(&self, user_id: &str) -> Result<Option<AuthUser>, Error> {
        find(&**self, user_id).await
    }

    async fn auth_user_for_change(&self, user_id: &str) -> Result<Option<AuthUser>, Error> {
        one(&**self, present().filter(Column::UserId.eq(user_id)).lock_exclusive()).await
    }

    async fn insert_auth_user(&self, user: &AuthUser) -> Result<(), Error> {
        Entity::insert(row_of(user)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn save_auth_user(&self, user: &AuthUser) -> Result<(), Error> {
        let updated = Entity::update(row_of(user)).exec_without_returning(&**self).await;
        updated.map(drop).map_err(unless_unique("provider account"))
    }
}

/// The auth user of this user.
///
/// # Errors
/// When the database does not answer.
pub async fn find(connection: &impl ConnectionTrait, user_id: &str) -> Result<Option<AuthUser>, Error> {
    one(connection, present().filter(Column::UserId.eq(user_id))).await
}

/// The auth user with this account.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_account(
    connection: &impl ConnectionTrait,
    account: &ProviderAccount,
) -> Result<Option<AuthUser>, Error> {
    let with_account = present()
        .filter(Column::AuthChannel.eq(account.provider.label().as_str_name()))
        .filter(Column::ProviderUserId.eq(account.user_id.as_str()));
    one(connection, with_account).await
}

fn present() -> Select<Entity> {
    Entity::find().filter(Expr::exists(repository::present(Column::UserId.as_column_ref())))
}

async fn one(connection: &impl ConnectionTrait, select: Select<Entity>) -> Result<Option<AuthUser>, Error> {
    select.one(connection).await?.map(AuthUser::try_from).transpose()
}

impl TryFrom<Model> for AuthUser {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let label = stored(&row.auth_channel, v1::AuthChannel::from_str_name)?;
        let channel = match (Provider::named(label), row.provider_user_id) {
            (Some(provider), Some(user_id)) => AuthChannel::Linked(ProviderAccount { provider, user_id }),
            (None, None) => AuthChannel::Unlinked,
            _ => return Err(Error::internal("a row holds half a provider account")),
        };
        let authority =
            stored(&row.authority, |name| v1::Authority::from_str_name(name).and_then(Authority::named))?;
        Ok(Self {
            user_id: row.user_id,
            channel,
            authority,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn row_of(user: &AuthUser) -> ActiveModel {
    let provider_user_id = match &user.channel {
        AuthChannel::Unlinked => None,
        AuthChannel::Linked(account) => Some(account.user_id.clone()),
    };
    ActiveModel {
        user_id: Set(user.user_id.clone()),
        auth_channel: Set(user.channel.label().as_str_name().to_owned()),
        provider_user_id: Set(provider_user_id),
        authority: Set(user.authority.label().as_str_name().to_owned()),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait, Statement};
    use shared::testkit::{Engine, TestDatabase};

    use super::*;
    use crate::migration::Migrator;

    #[tokio::test]
    async fn other_users_are_not_looked_at_for_one() {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let database = file.migrated::<Migrator>().await;
        let select = present().filter(Column::UserId.eq("a")).build(DbBackend::Sqlite).to_string();
        let explain = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {select}"));
        let steps = database.read().query_all_raw(explain).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        let searched = steps.iter().filter(|step| step.starts_with("SEARCH"));
        assert_eq!(searched.count(), 2, "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
    }
}
