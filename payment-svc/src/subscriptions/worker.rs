//! Subscriptions that are due: an order for the next month, or the end.

use shared::Error;
use shared::database::{Database, Transaction};
use shared::proto::events::v1::SubscriptionEnd;
use shared::proto::v1::SubscriptionState;
use shared::time::Timestamp;

use super::domain::{Due, Subscription};
use super::follow::tell_ended;
use super::repository::{Subscriptions, due};
use crate::customers::repository::Customers;
use crate::orders::commands::OrderSettings;
use crate::orders::domain::Order;
use crate::orders::repository::{self as orders, Orders};

/// Sees to up to `limit` subscriptions, each in a transaction; returns how many there were. Several instances may do so
/// at once.
///
/// # Errors
/// When the database does not answer.
pub async fn see_to(
    database: &Database,
    settings: &OrderSettings,
    now: Timestamp,
    limit: u64,
) -> Result<usize, Error> {
    let ids = due(database.read(), now, limit).await?;
    for id in &ids {
        let transaction = database.begin().await?;
        let subscription = transaction.subscription_for_change(id).await?;
        if let Some(subscription) = subscription {
            see_to_one(&transaction, subscription, settings, now).await?;
        }
        transaction.commit().await?;
    }
    Ok(ids.len())
}

async fn see_to_one(
    transaction: &Transaction,
    mut subscription: Subscription,
    settings: &OrderSettings,
    now: Timestamp,
) -> Result<(), Error> {
    let customer = transaction.customer(&subscription.customer_id).await?;
    let mut end = SubscriptionEnd::Canceled;
    match (subscription.due(now), customer.user_id()) {
        // Another instance was faster.
        (Due::Wait, _) => return Ok(()),
        (Due::End, _) | (Due::Renew, None) => subscription.end(SubscriptionState::Canceled, now),
        (Due::Renew, Some(_)) => {
            end = SubscriptionEnd::Unpaid;
            renew(transaction, &mut subscription, settings, now).await?;
        }
    }
    transaction.save_subscription(&subscription).await?;
    if let (false, Some(user_id)) = (subscription.is_live(), customer.user_id()) {
        tell_ended(transaction, &subscription, user_id, end)?;
    }
    Ok(())
}

/// Makes an order for the next month, which the worker of orders charges.
async fn renew(
    transaction: &Transaction,
    subscription: &mut Subscription,
    settings: &OrderSettings,
    now: Timestamp,
) -> Result<(), Error> {
    if subscription.billing_key.is_none() {
        subscription.decline(settings.patience, now);
        return Ok(());
    }
    let order = Order::renewal(subscription, now, settings.patience.retry_every);
    if transaction.insert_order(&order).await? {
        subscription.wait(order.expires_at.plus(settings.look_again));
        return Ok(());
    }
    let known = orders::find(&**transaction, &order.id).await?;
    if known.is_some_and(|known| known.is_open() && known.look_at.is_some()) {
        subscription.wait(now.plus(settings.look_again));
    } else {
        // It was left to people, since its record at the provider makes no sense.
        subscription.decline(settings.patience, now);
    }
    Ok(())
}
