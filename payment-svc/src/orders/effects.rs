//! What follows from what a provider says: the order, its postings, its subscription and the events, in one transaction.

use shared::Error;
use shared::database::Transaction;
use shared::id::new_id;
use shared::metrics::names;
use shared::proto::events::v1::{OrderCanceled, OrderFailed, OrderMismatched, OrderPaid, OrderRefunded};
use shared::proto::v1::{OrderState, ProductKind};
use shared::time::Timestamp;

use super::commands::{OrderCommands, Then};
use super::domain::{Buyer, Learned, Mismatch, Order, state_name};
use super::refunds::{Refund, RefundState};
use super::repository::Orders;
use crate::customers::domain::Customer;
use crate::customers::repository::Customers;
use crate::ledger::domain::{Account, Posting, TOKEN};
use crate::ledger::repository::Ledger;
use crate::providers::Payment;
use crate::subscriptions::domain::Subscription;
use crate::subscriptions::follow;

impl OrderCommands {
    /// Takes over what a provider says, in this transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn take_over_in(
        &self,
        transaction: &Transaction,
        id: &str,
        payment: &Payment,
        then: Then,
    ) -> Result<Order, Error> {
        let now = self.clock.now();
        let mut order = transaction.order_for_change(id).await?.ok_or(Error::NotFound("order"))?;
        let before = order.clone();
        let customer = transaction.customer(&order.customer_id).await?;
        let mut subscription = follow::of_order(transaction, &order).await?;
        if let Some(subscription) = &mut subscription {
            follow::keep_billing_key(transaction, subscription, payment.billing_key.as_ref()).await?;
        }
        let mut learned = match order.learn(payment, buyer(&order, &customer, subscription.as_ref()), now) {
            Ok(learned) => learned,
            Err(mismatch) => {
                report(transaction, &mut order, &mismatch).await?;
                return Ok(order);
            }
        };
        let begins = learned.captured > 0
            && !learned.is_unwanted
            && order.item.kind == ProductKind::MonthlyPass
            && subscription.is_none();
        if begins {
            let billing_key = payment.billing_key.clone();
            subscription = follow::begin(transaction, &order, billing_key, now).await?;
            order.subscription_id = subscription.as_ref().map(|subscription| subscription.id.clone());
            if subscription.is_none() {
                order = before.clone();
                // What could be learned once can be learned again.
                learned = order.learn(payment, Buyer::Unserved, now).map_err(Error::internal)?;
            }
        }
        if then == Then::End {
            learned.state = order.close(now).or(learned.state);
        }
        if order == before {
            return Ok(order);
        }
        let user_id = customer.user_id().unwrap_or_default();
        transaction.save_order(&order, before.state).await?;
        transaction.post(postings(&order, &learned, now)).await?;
        tell(transaction, &order, &learned, user_id)?;
        if let Some(subscription) = subscription {
            let patience = self.settings.patience;
            follow::follow(transaction, subscription, &order, &learned, user_id, patience, now).await?;
        }
        if learned.is_unwanted {
            transaction.insert_refund(&unwanted(&order, &before, &learned, now)).await?;
        }
        if let Some(state) = learned.state {
            metrics::counter!(names::ORDERS, "state" => state_name(state)).increment(1);
        }
        Ok(order)
    }
}

fn buyer(order: &Order, customer: &Customer, subscription: Option<&Subscription>) -> Buyer {
    let is_served = |subscription: &Subscription| match order.is_renewal() {
        true => subscription.goes_on(),
        false => subscription.is_live(),
    };
    match (customer.user_id(), subscription) {
        (None, _) => Buyer::Erased,
        (Some(_), Some(subscription)) if !is_served(subscription) => Buyer::Unserved,
        _ => Buyer::There,
    }
}

/// Gives back what was paid though nothing can be had for it.
fn unwanted(order: &Order, before: &Order, learned: &Learned, now: Timestamp) -> Refund {
    let is_canceled = before.state == OrderState::Canceled;
    Refund {
        id: new_id(),
        order_id: order.id.clone(),
        amount: learned.captured,
        reason: if is_canceled { "paid after it was canceled" } else { "nothing can be had for it" }
            .to_owned(),
        requested_by: None,
        state: RefundState::Requested,
        created_at: now,
        look_at: Some(now),
    }
}

/// Leaves to people what no rule covers.
pub(super) async fn report(
    transaction: &Transaction,
    order: &mut Order,
    mismatch: &Mismatch,
) -> Result<(), Error> {
    tracing::error!(order_id = order.id, %mismatch, "an order and the provider's record differ");
    metrics::counter!(names::MISMATCHES).increment(1);
    transaction.publish(&OrderMismatched { order_id: order.id.clone(), finding: mismatch.to_string() })?;
    if order.look_at.take().is_some() {
        transaction.save_order(order, order.state).await?;
    }
    Ok(())
}

fn postings(order: &Order, learned: &Learned, at: Timestamp) -> Vec<Posting> {
    let Order { id, provider, item, refunded, tokens_revoked, customer_id, .. } = order;
    let posting = |what: String, debit: Account, credit: Account, unit: &str, amount: i64| Posting {
        id: format!("{id}:{what}"),
        order_id: id.clone(),
        debit,
        credit,
        unit: unit.to_owned(),
        amount,
        at,
    };
    let cash = || Account::Provider(*provider);
    let tokens = || Account::TokensOfCustomer(customer_id.clone());
    let currency = &item.price.currency;
    let all = [
        posting("paid".to_owned(), cash(), Account::Revenue, currency, learned.captured),
        posting(format!("refunded:{refunded}"), Account::Refunds, cash(), currency, learned.refunded),
        posting("granted".to_owned(), Account::TokensIssued, tokens(), TOKEN, learned.granted.into()),
        posting(
            format!("revoked:{tokens_revoked}"),
            tokens(),
            Account::TokensIssued,
            TOKEN,
            learned.revoked.into(),
        ),
    ];
    all.into_iter().filter(|posting| posting.amount > 0).collect()
}

fn tell(transaction: &Transaction, order: &Order, learned: &Learned, user_id: &str) -> Result<(), Error> {
    let (order_id, user_id) = (order.id.clone(), user_id.to_owned());
    if learned.captured > 0 && !learned.is_unwanted {
        let (order_id, user_id) = (order_id.clone(), user_id.clone());
        transaction.publish(&OrderPaid { order_id, user_id, tokens: learned.granted })?;
    }
    match order.state {
        _ if learned.refunded > 0 => transaction.publish(&OrderRefunded {
            order_id,
            user_id,
            tokens_revoked: order.tokens_revoked,
            refunded: order.refunded,
            currency: order.item.price.currency.clone(),
        }),
        OrderState::Failed if learned.state.is_some() => {
            transaction.publish(&OrderFailed { order_id, user_id })
        }
        OrderState::Canceled | OrderState::Expired if learned.state.is_some() => {
            let is_expired = order.state == OrderState::Expired;
            transaction.publish(&OrderCanceled { order_id, user_id, is_expired })
        }
        _ => Ok(()),
    }
}
