//! What messages and payments do to message tokens.

use shared::Error;
use shared::database::Transaction;
use shared::messaging::{Handler, HandlerError, ReceivedEvent};
use shared::proto::events::v1::{
    CounselMessageCreated, CounselMessageFailed, OrderPaid, OrderRefunded, TokensCredited,
};
use shared::time::Clock;

use super::commands::{self, CreditError};

/// Settles the reservation of a message that was answered; releases that of one that failed, or was answered with a
/// stand-in only.
pub struct SettleReservations {
    clock: Clock,
}

impl SettleReservations {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handler for SettleReservations {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        let (reservation_id, done) = if event.is::<CounselMessageCreated>() {
            let fact: CounselMessageCreated = event.data().map_err(HandlerError::Permanent)?;
            let now = self.clock.now();
            let done = if fact.is_fallback {
                commands::release(transaction, &fact.user_id, &fact.reservation_id).await
            } else {
                commands::settle(transaction, &fact.user_id, &fact.reservation_id, now).await
            };
            (fact.reservation_id, done)
        } else if event.is::<CounselMessageFailed>() {
            let fact: CounselMessageFailed = event.data().map_err(HandlerError::Permanent)?;
            let done = commands::release(transaction, &fact.user_id, &fact.reservation_id).await;
            (fact.reservation_id, done)
        } else {
            return Err(HandlerError::Permanent(format!("{} settles nothing", event.event_type)));
        };
        match done {
            // A reservation is there before its message is: one that is not known will never be.
            Err(Error::NotFound(_)) => {
                Err(HandlerError::Permanent(format!("the user has no reservation {reservation_id:?}")))
            }
            other => Ok(other?),
        }
    }
}

/// Credits the tokens that a paid order buys, and takes those of a refund back.
pub struct CreditTokens {
    clock: Clock,
}

impl CreditTokens {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handler for CreditTokens {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        if event.is::<OrderRefunded>() {
            let order: OrderRefunded = event.data().map_err(HandlerError::Permanent)?;
            // News of the payment may be waiting to be delivered again.
            if let Some(revoked) = commands::revoke(transaction, order).await? {
                transaction.publish(&revoked)?;
            }
            return Ok(());
        }
        let order: OrderPaid = event.data().map_err(HandlerError::Permanent)?;
        if order.tokens == 0 {
            // It pays a month of a pass.
            return Ok(());
        }
        match commands::credit(transaction, &order, self.clock.now()).await {
            Ok(true) => {
                let OrderPaid { order_id, user_id, tokens } = order;
                Ok(transaction.publish(&TokensCredited { user_id, order_id, amount: tokens })?)
            }
            Ok(false) => Ok(()),
            Err(CreditError::Refused(refusal)) => Err(HandlerError::Permanent(refusal.to_string())),
            // Also a user who is not known yet.
            Err(CreditError::Failed(error)) => Err(HandlerError::Transient(error)),
        }
    }
}
