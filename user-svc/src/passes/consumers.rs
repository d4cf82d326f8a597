//! What subscriptions do to passes.

use shared::database::Transaction;
use shared::messaging::{Handler, HandlerError, ReceivedEvent};
use shared::proto::events::v1::{SubscriptionLapsed, SubscriptionRenewed};
use shared::time::{Clock, Timestamp};

use super::commands;

/// Gives the allowance of a pass whose month was paid, and takes it back when the pass has ended.
pub struct KeepPasses {
    clock: Clock,
}

impl KeepPasses {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handler for KeepPasses {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        let now = self.clock.now();
        let changed = if event.is::<SubscriptionRenewed>() {
            let fact: SubscriptionRenewed = event.data().map_err(HandlerError::Permanent)?;
            let (subscription_id, user_id) = named(fact.subscription_id, fact.user_id)?;
            let (period, allowance) = (count("period", fact.period)?, count("allowance", fact.allowance)?);
            let valid_until = Timestamp::from_rfc3339(&fact.valid_until)
                .ok_or_else(|| HandlerError::Permanent("valid_until is no time".to_owned()))?;
            let renew = |pass: &mut super::domain::Pass| pass.renew(period, allowance, valid_until);
            commands::change(transaction, subscription_id, user_id, now, renew).await?
        } else if event.is::<SubscriptionLapsed>() {
            let fact: SubscriptionLapsed = event.data().map_err(HandlerError::Permanent)?;
            let (subscription_id, user_id) = named(fact.subscription_id, fact.user_id)?;
            commands::change(transaction, subscription_id, user_id, now, |pass| pass.end(now)).await?
        } else {
            return Err(HandlerError::Permanent(format!("{} does nothing to passes", event.event_type)));
        };
        match changed {
            Some(changed) => Ok(transaction.publish(&changed)?),
            None => Ok(()),
        }
    }
}

/// An absent field is an empty string.
fn named(subscription_id: String, user_id: String) -> Result<(String, String), HandlerError> {
    if subscription_id.is_empty() || user_id.is_empty() {
        return Err(HandlerError::Permanent("the event names no subscription, or no user".to_owned()));
    }
    Ok((subscription_id, user_id))
}

fn count(field: &str, number: i32) -> Result<u32, HandlerError> {
    let number = u32::try_from(number).ok().filter(|number| *number > 0);
    number.ok_or_else(|| HandlerError::Permanent(format!("{field} must be positive")))
}
