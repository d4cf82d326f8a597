//! Reacting to what the counselor said.

use shared::Error;
use shared::auth::Caller;
use shared::proto::v1::CounselMessageReaction;

use super::super::domain::{CounselEvent, Message, Reacted};
use super::super::events::publish;
use super::super::repository::Counsels;
use super::{CounselCommands, grow, own_counsel};
use crate::relationships::domain::Source;

/// What a caller thinks of a message.
pub struct NewReaction {
    pub counselor_id: String,
    pub counsel_id: String,
    pub message_id: String,
    pub kind: CounselMessageReaction,
}

impl CounselCommands {
    /// Notes what the user thinks of a message.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the caller has no such message, [`Error::Invalid`] when it is not the counselor's.
    pub async fn react(&self, caller: &Caller, new: NewReaction) -> Result<Message, Error> {
        let transaction = self.database.begin().await?;
        let counsel = own_counsel(&transaction, caller, &new.counselor_id, &new.counsel_id).await?;
        let message = transaction.message(&new.message_id).await?;
        let message = message.filter(|message| message.counsel_id == counsel.id);
        let mut message = message.ok_or(Error::NotFound("message"))?;
        let now = self.clock.now();
        let reacted = message
            .react(new.kind, now)
            .map_err(|refusal| Error::invalid("message_id", refusal.to_string()))?;
        if reacted == Reacted::Again {
            return Ok(message);
        }
        transaction.save_message(&message).await?;
        let event = CounselEvent::MessageReacted { message_id: message.id.clone(), reaction: new.kind };
        publish(&transaction, &counsel, event)?;
        // Changing one's mind to and fro brings nobody closer.
        if reacted == Reacted::First && new.kind == CounselMessageReaction::Like {
            grow(&transaction, &counsel, Source::Like, now).await?;
        }
        transaction.commit().await?;
        Ok(message)
    }
}
