//! Giving back. A refund is noted before the provider is asked, so that it is asked again until it has answered.

use shared::Error;
use shared::time::Timestamp;

use super::commands::{OrderCommands, Then, is_refused, refused};
use super::domain::{Order, Refusal};
use super::repository::{self, Orders};
use crate::providers::{Charge, Repayment};

/// A part of a payment that is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: String,
    pub order_id: String,
    /// Minor units.
    pub amount: i64,
    /// For the payer's eyes.
    pub reason: String,
    /// The admin; nobody when it follows from a rule.
    pub requested_by: Option<String>,
    pub state: RefundState,
    pub created_at: Timestamp,
    /// When to ask the provider again.
    pub look_at: Option<Timestamp>,
}

/// How far a refund has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The provider has not answered yet.
    Requested,
    Done,
    /// The provider will not do it.
    Refused,
}

impl RefundState {
    /// As rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }

    /// The state that a row names.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Requested, Self::Done, Self::Refused].into_iter().find(|state| state.name() == name)
    }
}

/// What an admin asks for.
pub struct NewRefund {
    pub id: String,
    pub order_id: String,
    /// Nothing: all that is left.
    pub amount: Option<i64>,
    pub reason: String,
    pub requested_by: String,
}

impl OrderCommands {
    /// Gives a payment, or a part of it, back; the same again is done once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::FailedPrecondition`] when not so much is left, or the provider refuses;
    /// [`Error::AlreadyExists`] when the id stands for another refund; [`Error::ThirdParty`] when the provider does not
    /// answer: then it is asked again without being told to.
    pub async fn refund(&self, new: NewRefund) -> Result<Order, Error> {
        let refund = self.request(new).await?;
        match refund.state {
            RefundState::Requested => self.carry_out(refund).await,
            RefundState::Done => repository::find(self.database.read(), &refund.order_id)
                .await?
                .ok_or(Error::NotFound("order")),
            RefundState::Refused => {
                Err(Error::FailedPrecondition("the provider has refused this refund".to_owned()))
            }
        }
    }

    async fn request(&self, new: NewRefund) -> Result<Refund, Error> {
        let transaction = self.database.begin().await?;
        let order = transaction.order_for_change(&new.order_id).await?.ok_or(Error::NotFound("order"))?;
        if let Some(known) = transaction.refund(&new.id).await? {
            let is_same = known.order_id == new.order_id
                && known.reason == new.reason
                && new.amount.is_none_or(|amount| amount == known.amount);
            return is_same.then_some(known).ok_or(Error::AlreadyExists("a refund with this id"));
        }
        let left = order.refundable() - transaction.refunds_under_way(&order.id).await?;
        let amount = new.amount.unwrap_or(left);
        if order.captured == 0 {
            return Err(refused(Refusal::State(order.state)));
        }
        if !(1..=left).contains(&amount) {
            return Err(refused(Refusal::TooMuch { left: left.max(0) }));
        }
        let now = self.clock.now();
        let refund = Refund {
            id: new.id,
            order_id: order.id,
            amount,
            reason: new.reason,
            requested_by: Some(new.requested_by),
            state: RefundState::Requested,
            created_at: now,
            look_at: Some(now.plus(self.settings.look_again)),
        };
        if !transaction.insert_refund(&refund).await? {
            return Err(Error::AlreadyExists("a refund with this id"));
        }
        transaction.commit().await?;
        Ok(refund)
    }

    /// Asks the provider to do what was noted.
    pub(super) async fn carry_out(&self, mut refund: Refund) -> Result<Order, Error> {
        let order = repository::find(self.database.read(), &refund.order_id).await?;
        let order = order.ok_or(Error::NotFound("order"))?;
        let repayment =
            Repayment { id: refund.id.clone(), amount: refund.amount, reason: refund.reason.clone() };
        let provider = self.providers.get(order.provider)?;
        let answer = provider.repay(&Charge::from(&order), &repayment).await;
        refund.state = match &answer {
            Ok(_) => RefundState::Done,
            Err(error) if is_refused(error) => RefundState::Refused,
            Err(_) => RefundState::Requested,
        };
        if refund.state == RefundState::Requested {
            return Ok(answer.map(|_| order)?);
        }
        refund.look_at = None;
        let transaction = self.database.begin().await?;
        let taken = match &answer {
            Ok(payment) => self.take_over_in(&transaction, &order.id, payment, Then::GoOn).await?,
            Err(error) => {
                tracing::error!(refund_id = refund.id, %error, "a refund was refused");
                transaction.order_for_change(&order.id).await?.ok_or(Error::NotFound("order"))?
            }
        };
        let known = transaction.refund(&refund.id).await?;
        // Whoever asked at the same time may have been told something else before.
        if known.is_some_and(|known| known.state == RefundState::Requested) {
            transaction.save_refund(&refund).await?;
        }
        transaction.commit().await?;
        Ok(answer.map(|_| taken)?)
    }
}
