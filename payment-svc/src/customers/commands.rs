//! Keeping customers. Both commands work in the transaction of the event that they react to.

use shared::Error;
use shared::time::Timestamp;

use super::domain::{Customer, UserHash};
use super::repository::Customers;

/// Makes a user a customer; nothing happens when they are one, or were one that was erased.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(customers: &impl Customers, user_id: &str, now: Timestamp) -> Result<(), Error> {
    customers.insert_customer(&Customer::of(user_id, now)).await.map(drop)
}

/// Makes a customer forget whose it is. A user who is not known yet is noted as erased, so that news of their
/// creation that come late do not bring them back.
///
/// # Errors
/// When the database does not answer, or the customer was made at this very moment: then it goes well the next time.
pub async fn erase(
    customers: &(impl Customers + Sync),
    user_id: &str,
    now: Timestamp,
) -> Result<Customer, Error> {
    if let Some(mut customer) = customers.customer_for_change(&UserHash::of(user_id)).await? {
        if customer.anonymize(now) {
            customers.save_customer(&customer).await?;
        }
        return Ok(customer);
    }
    let erased = Customer::erased(user_id, now);
    let is_new = customers.insert_customer(&erased).await?;
    is_new.then_some(erased).ok_or(Error::AlreadyExists("customer"))
}
