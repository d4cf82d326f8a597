//! Reading message tokens. Nothing is written here, whatever is overdue.

use shared::Error;
use shared::database::Database;
use shared::time::Clock;

use super::domain::{Balance, Plan};
use super::repository::{find, find_held};
use crate::{auth_users, passes};

/// Reads message tokens.
pub struct TokenQueries {
    database: Database,
    clock: Clock,
}

impl TokenQueries {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// What the user has now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn balance(&self, user_id: &str) -> Result<Balance, Error> {
        let read = self.database.read();
        let user = auth_users::repository::find(read, user_id).await?.ok_or(Error::NotFound("user"))?;
        let tokens = find(read, user_id).await?.ok_or(Error::NotFound("user"))?;
        let held = find_held(read, user_id).await?;
        let now = self.clock.now();
        let plan = Plan::of(&user, passes::repository::best_allowance(read, user_id, now).await?);
        Ok(tokens.balance(held, plan, now))
    }
}
