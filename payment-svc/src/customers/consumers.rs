//! What users do to customers.

use shared::database::Transaction;
use shared::messaging::{Handler, HandlerError, ReceivedEvent};
use shared::proto::events::v1::{UserCreated, UserDeleted};
use shared::time::Clock;

use super::commands;
use crate::subscriptions;

/// Keeps a customer for every user, in whatever order the news of them arrive.
pub struct KeepCustomers {
    clock: Clock,
}

impl KeepCustomers {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handler for KeepCustomers {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        let now = self.clock.now();
        if event.is::<UserCreated>() {
            let fact: UserCreated = event.data().map_err(HandlerError::Permanent)?;
            Ok(commands::keep(transaction, &named(fact.user_id)?, now).await?)
        } else if event.is::<UserDeleted>() {
            let fact: UserDeleted = event.data().map_err(HandlerError::Permanent)?;
            let customer = commands::erase(transaction, &named(fact.user_id)?, now).await?;
            Ok(subscriptions::commands::forget(transaction, &customer, now).await?)
        } else {
            Err(HandlerError::Permanent(format!("{} does nothing to customers", event.event_type)))
        }
    }
}

/// An absent field is an empty string.
fn named(user_id: String) -> Result<String, HandlerError> {
    if user_id.is_empty() {
        return Err(HandlerError::Permanent("the event names no user".to_owned()));
    }
    Ok(user_id)
}
