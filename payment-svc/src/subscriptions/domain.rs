//! The aggregate `Subscription`.

use std::time::Duration;

use shared::id::derived_id;
use shared::proto::v1::{PaymentProvider, SubscriptionState};
use shared::time::Timestamp;

use crate::orders::domain::{Item, Order};

/// A pass that is paid month by month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub id: String,
    pub customer_id: String,
    /// What is renewed, as it was offered when it began; its tokens are the allowance.
    pub item: Item,
    pub provider: PaymentProvider,
    /// What charges the payer again, as long as it may.
    pub billing_key: Option<String>,
    pub state: SubscriptionState,
    /// Counts the months that were paid, from 1.
    pub period: u32,
    /// The order that has paid the last one.
    pub order_id: String,
    /// When the first month began: the others are counted from there, so that a short month moves nothing.
    pub began_at: Timestamp,
    /// Renewals of the next month that were tried, and not paid.
    pub attempts: u32,
    /// When to look at it next; nothing once it has ended.
    pub due_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What is done about payments that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long after the end of a month its pass is good while the next one cannot be collected.
    pub grace: Duration,
    /// When it is tried again.
    pub retry_every: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self { grace: DAY * 3, retry_every: DAY }
    }
}

/// What is to be done about a subscription that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// An order for the next month.
    Renew,
    /// It was canceled, and the last month is over.
    End,
    /// Nothing yet.
    Wait,
}

/// It has ended, so that nothing can be changed about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscription has ended")]
pub struct Ended;

impl Subscription {
    /// The first month of an order that was just paid.
    pub fn begin(order: &Order, billing_key: Option<String>, now: Timestamp) -> Self {
        let mut subscription = Self {
            id: derived_id(&["subscription", &order.id]),
            customer_id: order.customer_id.clone(),
            item: order.item.clone(),
            provider: order.provider,
            billing_key,
            state: SubscriptionState::Active,
            period: 1,
            order_id: order.id.clone(),
            began_at: now,
            attempts: 0,
            due_at: None,
            updated_at: now,
            ended_at: None,
        };
        subscription.due_at = Some(subscription.period_ends_at());
        subscription
    }

    /// When the last month that was paid began.
    pub fn period_started_at(&self) -> Timestamp {
        self.began_at.plus_months(self.period - 1)
    }

    /// When it ends, and the next one begins.
    pub fn period_ends_at(&self) -> Timestamp {
        self.began_at.plus_months(self.period)
    }

    /// How long the pass is good unless something else is told.
    pub fn valid_until(&self, patience: Patience) -> Timestamp {
        self.period_ends_at().plus(patience.grace)
    }

    pub fn is_live(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether another month may begin: not once it was canceled, which somebody who has made the order for that month by a
    /// clock that is ahead did not know.
    pub fn goes_on(&self) -> bool {
        self.is_live() && self.state != SubscriptionState::Canceling
    }

    /// The id of the order that the next attempt to renew is made by: the same for everybody who tries.
    pub fn renewal_id(&self) -> String {
        derived_id(&["renewal", &self.id, &(self.period + 1).to_string(), &(self.attempts + 1).to_string()])
    }

    /// What is to be done now.
    pub fn due(&self, now: Timestamp) -> Due {
        match self.due_at {
            Some(due_at) if due_at <= now => match self.state {
                SubscriptionState::Canceling => Due::End,
                _ => Due::Renew,
            },
            _ => Due::Wait,
        }
    }

    /// An order for the next month is under way. Should nobody tell what became of it, it is looked after at `look_at`.
    pub fn wait(&mut self, look_at: Timestamp) {
        self.due_at = Some(look_at);
    }

    /// Another month was paid.
    pub fn renew(&mut self, order_id: &str, now: Timestamp) {
        self.period += 1;
        self.attempts = 0;
        order_id.clone_into(&mut self.order_id);
        if self.state == SubscriptionState::PastDue {
            self.state = SubscriptionState::Active;
        }
        self.due_at = Some(self.period_ends_at());
        self.updated_at = now;
    }

    /// An order for the next month was not paid. It is tried again until the grace is over; then the pass lapses.
    pub fn decline(&mut self, patience: Patience, now: Timestamp) {
        self.attempts += 1;
        let next = now.plus(patience.retry_every);
        let grace_ends = self.valid_until(patience);
        if now >= grace_ends || self.billing_key.is_none() {
            return self.end(SubscriptionState::Lapsed, now);
        }
        self.state = SubscriptionState::PastDue;
        // The last attempt is made when the grace ends.
        self.due_at = Some(next.min(grace_ends));
        self.updated_at = now;
    }

    /// Ends it with the month that is paid; at once when none is.
    ///
    /// # Errors
    /// [`Ended`] when it has ended in another way.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Ended> {
        match self.state {
            SubscriptionState::Canceling | SubscriptionState::Canceled => {}
            _ if !self.is_live() => return Err(Ended),
            _ if self.period_ends_at() <= now => self.end(SubscriptionState::Canceled, now),
            _ => self.enter(SubscriptionState::Canceling, now),
        }
        Ok(())
    }

    /// Takes a cancellation back.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn resume(&mut self, now: Timestamp) -> Result<(), Ended> {
        match self.state {
            SubscriptionState::Canceling if now < self.period_ends_at() => {
                self.enter(SubscriptionState::Active, now);
                Ok(())
            }
            SubscriptionState::Active | SubscriptionState::PastDue => Ok(()),
            _ => Err(Ended),
        }
    }

    /// It is good no longer, and its payer is charged no more.
    pub fn end(&mut self, state: SubscriptionState, now: Timestamp) {
        self.billing_key = None;
        self.due_at = None;
        self.ended_at = Some(now);
        self.enter(state, now);
    }

    fn enter(&mut self, state: SubscriptionState, now: Timestamp) {
        self.state = state;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests;
