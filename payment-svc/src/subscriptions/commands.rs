//! Canceling, and taking that back.

use shared::Error;
use shared::auth::Caller;
use shared::database::{Database, Transaction};
use shared::proto::events::v1::SubscriptionEnd;
use shared::proto::v1::SubscriptionState;
use shared::time::{Clock, Timestamp};

use super::domain::{Ended, Subscription};
use super::follow::tell_ended;
use super::queries::check_owner;
use super::repository::Subscriptions;
use crate::customers::domain::Customer;

/// Changes subscriptions.
#[derive(Clone)]
pub struct SubscriptionCommands {
    database: Database,
    clock: Clock,
}

impl SubscriptionCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Ends a subscription with the month that is paid; at once when none is. The same again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's; [`Error::FailedPrecondition`] when it has lapsed.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<Subscription, Error> {
        self.change(caller, id, Subscription::cancel).await
    }

    /// Takes a cancellation back.
    ///
    /// # Errors
    /// As [`Self::cancel`]; [`Error::FailedPrecondition`] also when it was canceled and the month is over.
    pub async fn resume(&self, caller: &Caller, id: &str) -> Result<Subscription, Error> {
        self.change(caller, id, Subscription::resume).await
    }

    async fn change(
        &self,
        caller: &Caller,
        id: &str,
        change: impl FnOnce(&mut Subscription, Timestamp) -> Result<(), Ended>,
    ) -> Result<Subscription, Error> {
        let customer = check_owner(self.database.read(), caller, id).await?.1;
        let transaction = self.database.begin().await?;
        let subscription = transaction.subscription_for_change(id).await?;
        let mut subscription = subscription.ok_or(Error::NotFound("subscription"))?;
        let before = subscription.clone();
        change(&mut subscription, self.clock.now())
            .map_err(|ended| Error::FailedPrecondition(ended.to_string()))?;
        if subscription != before {
            transaction.save_subscription(&subscription).await?;
            if !subscription.is_live() {
                let user_id = customer.user_id().unwrap_or_default();
                tell_ended(&transaction, &subscription, user_id, SubscriptionEnd::Canceled)?;
            }
            transaction.commit().await?;
        }
        Ok(subscription)
    }
}

/// Ends whatever pass an erased customer has, so that nobody is charged for somebody who is gone.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(transaction: &Transaction, customer: &Customer, now: Timestamp) -> Result<(), Error> {
    if let Some(mut subscription) = transaction.live_subscription_for_change(&customer.id).await? {
        subscription.end(SubscriptionState::Canceled, now);
        transaction.save_subscription(&subscription).await?;
    }
    Ok(())
}
