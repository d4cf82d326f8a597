//! What becomes of a subscription when something is learned of an order that pays a month of it. All of it happens in
//! the transaction that takes over what the provider says.

use shared::Error;
use shared::database::Transaction;
use shared::metrics::names;
use shared::proto::events::v1::{SubscriptionEnd, SubscriptionLapsed, SubscriptionRenewed};
use shared::proto::v1::{OrderState, SubscriptionState};
use shared::time::Timestamp;

use super::domain::{Patience, Subscription};
use super::repository::Subscriptions;
use crate::orders::domain::{Learned, Order};

/// The subscription that an order pays a month of, once that has begun, for change.
///
/// # Errors
/// When the database does not answer.
pub async fn of_order(transaction: &Transaction, order: &Order) -> Result<Option<Subscription>, Error> {
    let Some(id) = &order.subscription_id else { return Ok(None) };
    let subscription = transaction.subscription_for_change(id).await?;
    subscription.ok_or_else(|| Error::internal("an order's subscription is not there")).map(Some)
}

/// Begins the subscription whose first month an order has just paid; nothing when its customer has another.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(
    transaction: &Transaction,
    order: &Order,
    billing_key: Option<String>,
    now: Timestamp,
) -> Result<Option<Subscription>, Error> {
    let subscription = Subscription::begin(order, billing_key, now);
    Ok(transaction.insert_subscription(&subscription).await?.then_some(subscription))
}

/// Keeps what charges the payer again, when a provider tells it later than that it was paid.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_billing_key(
    transaction: &Transaction,
    subscription: &mut Subscription,
    billing_key: Option<&String>,
) -> Result<(), Error> {
    if let Some(key) = billing_key
        && subscription.is_live()
        && subscription.billing_key.is_none()
    {
        subscription.billing_key = Some(key.clone());
        transaction.save_subscription(subscription).await?;
    }
    Ok(())
}

/// Does to a subscription what follows from what was learned of one of its orders.
///
/// # Errors
/// When the database does not answer.
pub async fn follow(
    transaction: &Transaction,
    mut subscription: Subscription,
    order: &Order,
    learned: &Learned,
    user_id: &str,
    patience: Patience,
    now: Timestamp,
) -> Result<(), Error> {
    let before = subscription.clone();
    if learned.captured > 0 && !learned.is_unwanted {
        if subscription.order_id != order.id {
            subscription.renew(&order.id, now);
        }
        tell_renewed(transaction, &subscription, user_id, patience)?;
    }
    let is_unpaid = learned.state.is_some()
        && matches!(order.state, OrderState::Failed | OrderState::Canceled | OrderState::Expired);
    let mut end = SubscriptionEnd::Unpaid;
    if subscription.is_live() && order.id == subscription.renewal_id() {
        if !subscription.goes_on() && (is_unpaid || learned.is_unwanted) {
            subscription.end(SubscriptionState::Canceled, now);
            end = SubscriptionEnd::Canceled;
        } else if is_unpaid {
            subscription.decline(patience, now);
        }
    }
    let is_given_back = learned.refunded > 0 && order.state == OrderState::Refunded;
    if subscription.is_live() && is_given_back && order.id == subscription.order_id {
        subscription.end(SubscriptionState::Lapsed, now);
        end = SubscriptionEnd::Refunded;
    }
    if subscription != before {
        transaction.save_subscription(&subscription).await?;
    }
    if before.is_live() && !subscription.is_live() {
        tell_ended(transaction, &subscription, user_id, end)?;
    }
    Ok(())
}

fn tell_renewed(
    transaction: &Transaction,
    subscription: &Subscription,
    user_id: &str,
    patience: Patience,
) -> Result<(), Error> {
    metrics::counter!(names::SUBSCRIPTIONS, "outcome" => "renewed").increment(1);
    transaction.publish(&SubscriptionRenewed {
        subscription_id: subscription.id.clone(),
        user_id: user_id.to_owned(),
        order_id: subscription.order_id.clone(),
        allowance: subscription.item.tokens,
        period: i32::try_from(subscription.period).map_err(Error::internal)?,
        valid_until: subscription.valid_until(patience).to_rfc3339(),
    })
}

/// Tells that a pass is good no longer.
///
/// # Errors
/// When it cannot be written.
pub fn tell_ended(
    transaction: &Transaction,
    subscription: &Subscription,
    user_id: &str,
    end: SubscriptionEnd,
) -> Result<(), Error> {
    let outcome = if end == SubscriptionEnd::Canceled { "canceled" } else { "lapsed" };
    metrics::counter!(names::SUBSCRIPTIONS, "outcome" => outcome).increment(1);
    transaction.publish(&SubscriptionLapsed {
        subscription_id: subscription.id.clone(),
        user_id: user_id.to_owned(),
        period: i32::try_from(subscription.period).map_err(Error::internal)?,
        end: end.into(),
    })
}
