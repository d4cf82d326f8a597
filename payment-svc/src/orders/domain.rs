//! The aggregate `Order`.
//!
//! The provider has the last word. Whoever asks it how a payment stands, for whatever reason, gives the answer to
//! [`Order::learn`], which takes over what is new in it: so notices may come in any order and any number of times, and
//! whatever was missed is made up for by asking again.

use std::time::Duration;

use shared::proto::v1::{OrderState, PaymentProvider, ProductKind};
use shared::time::Timestamp;

use crate::providers::{Payment, PaymentStatus};
use crate::subscriptions::domain::Subscription;

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// ISO 4217.
    pub currency: String,
    /// Minor units.
    pub amount: i64,
}

/// What is ordered: one version of a product, with its price then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub product_id: String,
    pub version: i32,
    pub kind: ProductKind,
    pub name: String,
    pub tokens: i32,
    pub price: Money,
}

/// Something that somebody buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub customer_id: String,
    pub item: Item,
    pub provider: PaymentProvider,
    /// What the provider calls the payment, once it is known.
    pub payment_key: Option<String>,
    pub state: OrderState,
    /// What the provider has collected, in minor units: nothing or all.
    pub captured: i64,
    /// What of that it has given back.
    pub refunded: i64,
    /// How many tokens the user got for it.
    pub tokens_granted: i32,
    /// How many of those refunds have taken back.
    pub tokens_revoked: i32,
    /// Why the provider declined.
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// When to ask the provider about it, unless somebody does before.
    pub look_at: Option<Timestamp>,
    /// The subscription that it pays a month of, once that has begun.
    pub subscription_id: Option<String>,
}

/// Whether the customer can have what was paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buyer {
    There,
    /// There is nobody any more.
    Erased,
    /// Has a pass already, or the one that this pays a month of has ended.
    Unserved,
}

/// What is new about an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Collected, in minor units.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    pub granted: i32,
    pub revoked: i32,
    /// The state that it came to, if that is another one.
    pub state: Option<OrderState>,
    /// It was paid though it may not be: the payment is to be given back.
    pub is_unwanted: bool,
}

/// A record of the provider that cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the provider has collected {captured} of {amount}")]
    Captured { captured: i64, amount: i64 },
    #[error("the provider has given {refunded} back of {captured}")]
    Refunded { refunded: i64, captured: i64 },
    #[error("the provider has no longer what it had collected: {captured} and {refunded} given back")]
    Less { captured: i64, refunded: i64 },
}

/// Why nobody can do that to an order now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the order is {}", state_name(*.0))]
    State(OrderState),
    #[error("{left} is left to refund")]
    TooMuch { left: i64 },
}

/// The state as people say it.
pub fn state_name(state: OrderState) -> String {
    state.as_str_name().trim_start_matches("ORDER_STATE_").replace('_', " ").to_lowercase()
}

impl Order {
    /// An order that nobody has paid.
    pub fn new(
        id: String,
        customer_id: String,
        item: Item,
        provider: PaymentProvider,
        now: Timestamp,
        open_for: Duration,
    ) -> Self {
        let expires_at = now.plus(open_for);
        Self {
            id,
            customer_id,
            item,
            provider,
            payment_key: None,
            state: OrderState::Created,
            captured: 0,
            refunded: 0,
            tokens_granted: 0,
            tokens_revoked: 0,
            failure: None,
            created_at: now,
            updated_at: now,
            expires_at,
            look_at: Some(expires_at),
            subscription_id: None,
        }
    }

    /// An order for the next month of a subscription. The provider is asked to collect for it at once, with no payer
    /// present, until it answers or the order expires.
    pub fn renewal(subscription: &Subscription, now: Timestamp, open_for: Duration) -> Self {
        let Subscription { id, customer_id, item, provider, .. } = subscription;
        Self {
            state: OrderState::Pending,
            look_at: Some(now),
            subscription_id: Some(id.clone()),
            ..Self::new(
                subscription.renewal_id(),
                customer_id.clone(),
                item.clone(),
                *provider,
                now,
                open_for,
            )
        }
    }

    /// Whether it is charged by itself.
    pub fn is_renewal(&self) -> bool {
        self.is_open() && self.subscription_id.is_some()
    }

    /// Whether somebody may still pay it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, OrderState::Created | OrderState::Pending)
    }

    /// What is left of the payment.
    pub fn refundable(&self) -> i64 {
        self.captured - self.refunded
    }

    /// The provider is about to be asked to collect. Should nobody hear its answer, it is asked again at `look_at`.
    ///
    /// # Errors
    /// [`Refusal`] when the order has ended without payment.
    pub fn collect(&mut self, now: Timestamp, look_at: Timestamp) -> Result<(), Refusal> {
        match self.state {
            OrderState::Created | OrderState::Pending => {
                self.enter(OrderState::Pending, now);
                self.look_at = Some(look_at);
                Ok(())
            }
            OrderState::Canceled | OrderState::Expired => Err(Refusal::State(self.state)),
            // Done: whoever asks again gets the same answer.
            _ => Ok(()),
        }
    }

    /// Ends an order that the provider will not collect for any more: expired if it was time, canceled if it was not.
    /// Nothing when it was paid or has ended.
    pub fn close(&mut self, now: Timestamp) -> Option<OrderState> {
        if !self.is_open() {
            return None;
        }
        self.enter(if now < self.expires_at { OrderState::Canceled } else { OrderState::Expired }, now);
        self.look_at = None;
        Some(self.state)
    }

    /// Takes over what the provider says. What it has said before, or what has been said after it, changes nothing.
    ///
    /// # Errors
    /// [`Mismatch`]: nothing is then taken over.
    pub fn learn(&mut self, payment: &Payment, buyer: Buyer, now: Timestamp) -> Result<Learned, Mismatch> {
        let amount = self.item.price.amount;
        let Payment { captured, refunded, .. } = *payment;
        if captured != 0 && captured != amount {
            return Err(Mismatch::Captured { captured, amount });
        }
        if !(0..=captured).contains(&refunded) {
            return Err(Mismatch::Refunded { refunded, captured });
        }
        let mut learned = Learned::default();
        if payment.key.is_some() && self.payment_key.is_none() {
            self.payment_key.clone_from(&payment.key);
        }
        if captured > self.captured {
            self.capture(buyer, &mut learned, now);
        }
        if refunded > self.refunded {
            self.give_back(refunded, &mut learned, now);
        }
        if self.captured == 0 && self.is_open() {
            match payment.status {
                PaymentStatus::Failed => {
                    self.failure.clone_from(&payment.failure);
                    self.enter(OrderState::Failed, now);
                    self.look_at = None;
                    learned.state = Some(OrderState::Failed);
                }
                PaymentStatus::Canceled => {
                    learned.state = self.close(now);
                }
                PaymentStatus::Open | PaymentStatus::Collected => {}
            }
        }
        Ok(learned)
    }

    fn capture(&mut self, buyer: Buyer, learned: &mut Learned, now: Timestamp) {
        // Whoever canceled does not expect to pay any more; one whose order failed or expired has paid late.
        learned.is_unwanted = self.state == OrderState::Canceled || buyer != Buyer::There;
        self.captured = self.item.price.amount;
        learned.captured = self.captured;
        if !learned.is_unwanted && self.item.kind == ProductKind::TokenPack {
            self.tokens_granted = self.item.tokens;
            learned.granted = self.item.tokens;
        }
        self.failure = None;
        self.look_at = None;
        self.enter(OrderState::Paid, now);
        learned.state = Some(OrderState::Paid);
    }

    fn give_back(&mut self, refunded: i64, learned: &mut Learned, now: Timestamp) {
        learned.refunded = refunded - self.refunded;
        self.refunded = refunded;
        let revoked = self.share_of_tokens();
        learned.revoked = revoked - self.tokens_revoked;
        self.tokens_revoked = revoked;
        let is_all = self.refunded == self.captured;
        self.enter(if is_all { OrderState::Refunded } else { OrderState::PartiallyRefunded }, now);
        learned.state = Some(self.state);
    }

    /// The tokens that go with what was given back: their share of the price, rounded in the user's favour.
    fn share_of_tokens(&self) -> i32 {
        if self.captured == 0 {
            return 0;
        }
        let share = i128::from(self.tokens_granted) * i128::from(self.refunded) / i128::from(self.captured);
        // A share is never more than the whole.
        i32::try_from(share).unwrap_or(self.tokens_granted)
    }

    fn enter(&mut self, state: OrderState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.updated_at = now;
        }
    }
}

#[cfg(test)]
mod tests;
