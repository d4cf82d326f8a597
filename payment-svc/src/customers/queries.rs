//! Reading customers.

use shared::Error;
use shared::database::Database;

use super::domain::{Customer, UserHash};
use super::repository::find;

/// Reads customers.
pub struct CustomerQueries {
    database: Database,
}

impl CustomerQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The customer of a user, anonymized or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing is known of the user (yet).
    pub async fn of_user(&self, user_id: &str) -> Result<Customer, Error> {
        find(self.database.read(), &UserHash::of(user_id)).await?.ok_or(Error::NotFound("customer"))
    }
}
