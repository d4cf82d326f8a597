//! Reading auth users.

use shared::Error;
use shared::database::Database;
use shared::time::Clock;

use super::domain::{AuthUser, ProviderAccount, TokenHash, judge};
use super::repository::{find, find_by_account, find_refresh_token};

/// Reads auth users.
pub struct AuthUserQueries {
    database: Database,
    clock: Clock,
}

impl AuthUserQueries {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn by_user_id(&self, user_id: &str) -> Result<AuthUser, Error> {
        find(self.database.read(), user_id).await?.ok_or(Error::NotFound("user"))
    }

    /// # Errors
    /// [`Error::NotFound`] when the account is no user's.
    pub async fn by_account(&self, account: &ProviderAccount) -> Result<AuthUser, Error> {
        find_by_account(self.database.read(), account).await?.ok_or(Error::NotFound("user"))
    }

    /// The user, if the refresh token is good for them.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with the reason when it is not.
    pub async fn verify_refresh_token(&self, user_id: &str, token: &str) -> Result<AuthUser, Error> {
        let found = find_refresh_token(self.database.read(), &TokenHash::of(token)).await?;
        judge(found, user_id, self.clock.now())?;
        self.by_user_id(user_id).await
    }
}
