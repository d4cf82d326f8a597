//! Changing auth users.

use shared::Error;
use shared::database::Database;
use shared::proto::events::v1::AuthChannelConnected;
use shared::time::Clock;

use super::domain::{AuthEvent, AuthUser, Authority, LinkedElsewhere, ProviderAccount};
use super::repository::AuthUsers;

/// Changes auth users.
pub struct AuthUserCommands {
    database: Database,
    clock: Clock,
}

impl AuthUserCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Links a guest to an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::AlreadyExists`] when the account is another user's
    /// or the user has another account.
    pub async fn connect(&self, user_id: &str, account: ProviderAccount) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let mut user = for_change(&transaction, user_id).await?;
        let Some(event) = user.connect(account, self.clock.now())? else { return Ok(user) };
        transaction.save_auth_user(&user).await?;
        match event {
            AuthEvent::ChannelConnected { user_id, provider } => {
                let auth_channel = provider.label().as_str_name().to_owned();
                transaction.publish(&AuthChannelConnected { user_id, auth_channel })?;
            }
        }
        transaction.commit().await?;
        Ok(user)
    }

    /// Gives a user an authority.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn set_authority(&self, user_id: &str, authority: Authority) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let mut user = for_change(&transaction, user_id).await?;
        if user.set_authority(authority, self.clock.now()) {
            transaction.save_auth_user(&user).await?;
            transaction.commit().await?;
        }
        Ok(user)
    }
}

async fn for_change(users: &impl AuthUsers, user_id: &str) -> Result<AuthUser, Error> {
    users.auth_user_for_change(user_id).await?.ok_or(Error::NotFound("user"))
}

impl From<LinkedElsewhere> for Error {
    fn from(_: LinkedElsewhere) -> Self {
        Self::AlreadyExists("auth channel")
    }
}
