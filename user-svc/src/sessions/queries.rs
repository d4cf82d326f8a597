//! Reading sessions.

use shared::Error;
use shared::database::Database;
use shared::time::Clock;

use super::domain::{Refusal, Session, TokenHash};
use super::repository::{find_refresh_token, list_open};
use crate::auth_users::domain::AuthUser;
use crate::auth_users::repository::find;

/// Reads sessions.
pub struct SessionQueries {
    database: Database,
    clock: Clock,
}

impl SessionQueries {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// The user and the session of a refresh token that the user holds, or held until it was replaced.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with the reason when it is not so.
    pub async fn verify(&self, user_id: &str, token: &str) -> Result<(AuthUser, String), Error> {
        let found = find_refresh_token(self.database.read(), &TokenHash::of(token)).await?;
        let token = found.ok_or(Refusal::NotFound)?.held_by(user_id, self.clock.now())?;
        let user = find(self.database.read(), user_id).await?.ok_or(Error::NotFound("user"))?;
        Ok((user, token.session_id))
    }

    /// The user's open sessions, the last used first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, user_id: &str) -> Result<Vec<Session>, Error> {
        list_open(self.database.read(), user_id, self.clock.now()).await
    }
}
