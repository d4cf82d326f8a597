//! What the deletion of a user does here.

use shared::database::{Database, Transaction};
use shared::messaging::{HandlerError, PreparingHandler, ReceivedEvent};
use shared::proto::events::v1::UserDeleted;
use shared::time::Clock;

use super::repository::{erase, erase_messages, mark};

/// Erases what belongs to deleted users.
pub struct EraseUsers {
    database: Database,
    clock: Clock,
}

impl EraseUsers {
    pub fn new(database: &Database, clock: Clock) -> Self {
        Self { database: database.clone(), clock }
    }
}

impl PreparingHandler for EraseUsers {
    type Prepared = String;

    /// Much may have been said: most of it goes in small parts, each for good. A crash in between leaves less to do.
    async fn prepare(&self, event: &ReceivedEvent) -> Result<String, HandlerError> {
        let UserDeleted { user_id } = event.data().map_err(HandlerError::Permanent)?;
        if user_id.is_empty() {
            return Err(HandlerError::Permanent("the event names no user".to_owned()));
        }
        mark(&self.database, &user_id, self.clock.now()).await?;
        while erase_messages(&self.database, &user_id).await? {}
        Ok(user_id)
    }

    async fn handle(
        &self,
        _: &ReceivedEvent,
        user_id: String,
        transaction: &Transaction,
    ) -> Result<(), HandlerError> {
        Ok(erase(transaction, &user_id).await?)
    }
}
