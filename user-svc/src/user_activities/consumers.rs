//! What counsels tell of a user's activity.

use shared::Error;
use shared::database::Transaction;
use shared::messaging::{Handler, HandlerError, ReceivedEvent};
use shared::proto::events::v1::{CounselCreated, CounselMessageCreated};
use shared::time::Clock;

use super::commands::track;
use super::domain::UserTracking;
use crate::users::repository::Users;

/// Counts counsels and messages of each user. A user who is not known yet is waited for.
pub struct TrackUsers {
    clock: Clock,
}

impl TrackUsers {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handler for TrackUsers {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        let now = self.clock.now();
        if event.is::<CounselCreated>() {
            let fact: CounselCreated = event.data().map_err(HandlerError::Permanent)?;
            let count = |tracking: &mut UserTracking| tracking.counsel_created(now);
            count_for(transaction, &fact.user_id, count).await
        } else if event.is::<CounselMessageCreated>() {
            let fact: CounselMessageCreated = event.data().map_err(HandlerError::Permanent)?;
            let count = |tracking: &mut UserTracking| tracking.message_created(now);
            count_for(transaction, &fact.user_id, count).await
        } else {
            Err(HandlerError::Permanent(format!("{} is not counted", event.event_type)))
        }
    }
}

/// Counts, unless the user has been deleted meanwhile: then there is nobody whose counsels would be counted.
async fn count_for(
    transaction: &Transaction,
    user_id: &str,
    count: impl FnOnce(&mut UserTracking) + Send,
) -> Result<(), HandlerError> {
    match track(transaction, user_id, count).await {
        Err(Error::NotFound(_)) if is_deleted(transaction, user_id).await? => Ok(()),
        counted => Ok(counted?),
    }
}

async fn is_deleted(users: &impl Users, user_id: &str) -> Result<bool, Error> {
    Ok(users.user_for_change(user_id).await?.is_some_and(|user| user.deleted_at.is_some()))
}
