//! Reading activities and trackings.

use shared::Error;
use shared::database::Database;

use super::domain::{UserActivity, UserTracking};
use super::repository::{find_tracking, newest};

/// Reads activities and trackings.
pub struct ActivityQueries {
    database: Database,
}

impl ActivityQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The user's last activities, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn newest(&self, user_id: &str, limit: u64) -> Result<Vec<UserActivity>, Error> {
        newest(self.database.read(), user_id, limit).await
    }

    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn tracking(&self, user_id: &str) -> Result<UserTracking, Error> {
        find_tracking(self.database.read(), user_id).await?.ok_or(Error::NotFound("user"))
    }
}
