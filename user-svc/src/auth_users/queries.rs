//! Reading auth users.

use shared::Error;
use shared::database::Database;

use super::domain::{AuthUser, ProviderAccount};
use super::repository::{find, find_by_account};

/// Reads auth users.
pub struct AuthUserQueries {
    database: Database,
}

impl AuthUserQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
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
}
