//! Reading customers.

use sea_orm::ConnectionTrait;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;

use super::domain::{Customer, UserHash};
use super::repository::{by_id, find};

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

/// The customer whom `what` belongs to, if the caller may see it.
///
/// # Errors
/// [`Error::NotFound`] of `what` when it is somebody else's.
pub async fn owner(
    connection: &impl ConnectionTrait,
    caller: &Caller,
    customer_id: &str,
    what: &'static str,
) -> Result<Customer, Error> {
    let customer = by_id(connection, customer_id).await?;
    let is_theirs = customer.user_id().is_some_and(|user_id| Some(user_id) == caller.user_id().ok());
    (is_theirs || caller.is_admin()).then_some(customer).ok_or(Error::NotFound(what))
}

/// Whose things a list shows: users see their own, admins everybody's unless they ask for somebody's.
///
/// # Errors
/// [`Error::NotFound`] when a user asks for somebody else's.
pub fn whose(caller: &Caller, asked: Option<String>) -> Result<Option<String>, Error> {
    match asked {
        Some(user_id) => {
            caller.require_owner(&user_id, "user")?;
            Ok(Some(user_id))
        }
        None if caller.is_admin() => Ok(None),
        None => Ok(Some(caller.user_id()?.to_owned())),
    }
}
