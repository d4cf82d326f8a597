//! What counsels tell of a user's activity.

use shared::database::Transaction;
use shared::messaging::{Handler, HandlerError, ReceivedEvent};
use shared::proto::events::v1::{CounselCreated, CounselMessageCreated};
use shared::time::Clock;

use super::commands::track;
use super::domain::UserTracking;

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
            Ok(track(transaction, &fact.user_id, count).await?)
        } else if event.is::<CounselMessageCreated>() {
            let fact: CounselMessageCreated = event.data().map_err(HandlerError::Permanent)?;
            let count = |tracking: &mut UserTracking| tracking.message_created(now);
            Ok(track(transaction, &fact.user_id, count).await?)
        } else {
            Err(HandlerError::Permanent(format!("{} is not counted", event.event_type)))
        }
    }
}
