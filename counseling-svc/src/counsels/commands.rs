//! Changing counsels.

mod create_counsel;
mod create_message;

use std::sync::Arc;
use std::time::Duration;

pub use create_counsel::NewCounsel;
pub use create_message::NewMessage;
use shared::auth::Caller;
use shared::database::{Database, Transaction};
use shared::proto::events::v1::{CounselMessageFailed, CounselMessageFailure};
use shared::proto::v1::CounselMessageReaction;
use shared::time::{Clock, Timestamp};
use shared::{Error, id};

use super::domain::{Author, Counsel, Message};
use super::queries::{CounselQueries, check_access};
use super::repository::Counsels;
use super::scene::Stage;
use crate::assistant::{Assistant, AssistantError, Reply};

/// How long the assistant may take: less than a turn, so that its failure is still reported in it.
const ASSISTANT_LIMIT: Duration = Duration::from_secs(45);
/// How many interrupted counsels are seen to in one round.
const BATCH: u64 = 50;

/// Changes counsels. Clones share everything.
#[derive(Clone)]
pub struct CounselCommands {
    database: Database,
    clock: Clock,
    assistant: Arc<dyn Assistant>,
    queries: CounselQueries,
    stage: Stage,
}

impl CounselCommands {
    pub fn new(database: Database, clock: Clock, assistant: Arc<dyn Assistant>) -> Self {
        let (queries, stage) = (CounselQueries::new(database.clone()), Stage::new(&database));
        Self { database, clock, assistant, queries, stage }
    }

    /// Notes what the user thinks of a message.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the caller has no such message, [`Error::Invalid`] when it is not the counselor's.
    pub async fn react(
        &self,
        caller: &Caller,
        counselor_id: &str,
        counsel_id: &str,
        message_id: &str,
        kind: CounselMessageReaction,
    ) -> Result<Message, Error> {
        let transaction = self.database.begin().await?;
        own_counsel(&transaction, caller, counselor_id, counsel_id).await?;
        let message = transaction.message(message_id).await?;
        let message = message.filter(|message| message.counsel_id == counsel_id);
        let mut message = message.ok_or(Error::NotFound("message"))?;
        message
            .react(kind, self.clock.now())
            .map_err(|refusal| Error::invalid("message_id", refusal.to_string()))?;
        transaction.save_message(&message).await?;
        transaction.commit().await?;
        Ok(message)
    }

    /// Reports the messages that nobody answered in time as failed, each once; returns how many there were.
    ///
    /// # Errors
    /// When the database does not answer; what was reported before stays so.
    pub async fn recover(&self) -> Result<usize, Error> {
        let mut recovered = 0;
        for counsel_id in self.queries.interrupted(self.clock.now(), BATCH).await? {
            let transaction = self.database.begin().await?;
            // Looked at again under the lock: another replica may have been faster.
            let Some(counsel) = transaction.counsel_for_change(&counsel_id).await? else { continue };
            let Some(message_id) = counsel.interrupted_message(self.clock.now()).map(str::to_owned) else {
                continue;
            };
            self.abandon(transaction, counsel, &message_id, CounselMessageFailure::Interrupted).await?;
            recovered += 1;
        }
        Ok(recovered)
    }

    /// Ends a turn without an answer, and tells so.
    async fn abandon(
        &self,
        transaction: Transaction,
        mut counsel: Counsel,
        message_id: &str,
        failure: CounselMessageFailure,
    ) -> Result<(), Error> {
        let lost = counsel.abandon_turn(message_id, self.clock.now());
        if lost.is_err() {
            // Recovery was faster, and has told.
            return Ok(());
        }
        let message = transaction.message(message_id).await?;
        let author = message.map(|message| message.author);
        if let Some(Author::User { reservation_id: Some(reservation_id) }) = author {
            let failed = CounselMessageFailed {
                counsel_id: counsel.id.clone(),
                user_id: counsel.user_id.clone(),
                user_message_id: message_id.to_owned(),
                reservation_id,
                failure: failure.into(),
            };
            transaction.publish(&failed).await?;
        }
        transaction.save_counsel(&counsel).await?;
        transaction.commit().await
    }

    /// What the assistant says, within its limit. No transaction is open meanwhile.
    async fn ask(
        &self,
        asked: impl Future<Output = Result<Reply, AssistantError>>,
    ) -> Result<Reply, AssistantError> {
        tokio::time::timeout(ASSISTANT_LIMIT, asked).await.unwrap_or(Err(AssistantError::Timeout))
    }
}

/// A counsel of the caller's own, for change. Admins may read others' counsels, but speak in none of them.
async fn own_counsel(
    transaction: &Transaction,
    caller: &Caller,
    counselor_id: &str,
    counsel_id: &str,
) -> Result<Counsel, Error> {
    let counsel = transaction.counsel_for_change(counsel_id).await?.ok_or(Error::NotFound("counsel"))?;
    check_access(&counsel, caller, counselor_id)?;
    if counsel.user_id == caller.user_id()? { Ok(counsel) } else { Err(Error::NotFound("counsel")) }
}

fn said(counsel: &Counsel, text: String, author: Author, at: Timestamp) -> Message {
    Message {
        id: id::new_id(),
        counsel_id: counsel.id.clone(),
        text,
        author,
        technique_id: counsel.technique_id.clone(),
        reaction: None,
        created_at: at,
        updated_at: at,
    }
}

fn unavailable(error: AssistantError) -> Error {
    Error::Unavailable(Box::new(error))
}
