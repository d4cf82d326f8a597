//! Changing counsels.

mod create_counsel;
mod create_message;
mod react;

use std::sync::Arc;
use std::time::Duration;

pub use create_counsel::{BubbleAnswer, NewCounsel, ResponseOption};
pub use create_message::{NewMessage, Pair, Speaking, Spoken};
pub use react::NewReaction;
use shared::auth::Caller;
use shared::database::{Database, Transaction};
use shared::error::Chain;
use shared::shutdown::Shutdown;
use shared::time::{Clock, Timestamp};
use shared::{Error, id};

use super::domain::{Author, Counsel, Failure, Lease, Message};
use super::events::publish;
use super::queries::{CounselQueries, check_access};
use super::repository::Counsels;
use super::risk::RiskPolicy;
use super::scene::Stage;
use crate::assistant::{Assistant, AssistantError, Reply, Usage};
use crate::contexts::queries::ContextQueries;
use crate::relationships::domain::{Relationship, Source};
use crate::relationships::repository::Relationships;

/// How long the assistant may take: less than a turn, so that its failure is still reported in it.
const ASSISTANT_LIMIT: Duration = Duration::from_secs(45);
/// How many interrupted turns are seen to in one round.
const BATCH: u64 = 50;

/// Changes counsels. Clones share everything.
#[derive(Clone)]
pub struct CounselCommands {
    database: Database,
    clock: Clock,
    assistant: Arc<dyn Assistant>,
    queries: CounselQueries,
    contexts: ContextQueries,
    stage: Stage,
    risks: RiskPolicy,
    /// The turns under way, which outlive the calls that began them.
    turns: Shutdown,
}

impl CounselCommands {
    pub fn new(database: Database, clock: Clock, assistant: Arc<dyn Assistant>, risks: RiskPolicy) -> Self {
        let (queries, stage) = (CounselQueries::new(database.clone()), Stage::new(&database));
        let contexts = ContextQueries::new(database.clone());
        Self { database, clock, assistant, queries, contexts, stage, risks, turns: Shutdown::default() }
    }

    /// Reports the messages that nobody answered in time as failed, each once; returns how many there were. One that
    /// cannot be reported stays for the next time, and does not hold up the others.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn recover(&self) -> Result<usize, Error> {
        let mut recovered = 0;
        for (counsel_id, lease) in self.queries.interrupted(self.clock.now(), BATCH).await? {
            match self.give_up(&counsel_id, &lease, Failure::Interrupted).await {
                Ok(is_ours) => recovered += usize::from(is_ours),
                Err(error) => {
                    let error = Chain(&error);
                    tracing::warn!(counsel_id, %error, "an interrupted turn stays for the next round");
                }
            }
        }
        Ok(recovered)
    }

    /// Waits until the turns under way have ended, but no longer than the assistant may take.
    pub async fn finish_turns(&self) {
        self.turns.finish(ASSISTANT_LIMIT).await;
    }

    /// Ends a turn without an answer and tells so, unless it has ended already. Whether another replica was faster
    /// is seen under the lock.
    async fn give_up(&self, counsel_id: &str, lease: &Lease, failure: Failure) -> Result<bool, Error> {
        let transaction = self.database.begin().await?;
        let Some(mut counsel) = transaction.counsel_for_change(counsel_id).await? else { return Ok(false) };
        let message = transaction.message(&lease.message_id).await?;
        let Some(reservation_id) = message.as_ref().and_then(Message::reservation_id) else {
            return Err(Error::internal("a turn answers a message that nobody paid for"));
        };
        let Ok(event) = counsel.abandon_turn(lease, reservation_id, failure, self.clock.now()) else {
            return Ok(false);
        };
        transaction.save_counsel(&counsel).await?;
        publish(&transaction, &counsel, event)?;
        transaction.commit().await?;
        Ok(true)
    }

    /// What the assistant says, within its limit. No transaction is open meanwhile.
    async fn ask(
        &self,
        asked: impl Future<Output = Result<Reply, AssistantError>>,
    ) -> Result<Reply, AssistantError> {
        let reply =
            tokio::time::timeout(ASSISTANT_LIMIT, asked).await.unwrap_or(Err(AssistantError::Timeout))?;
        if reply.text.trim().is_empty() {
            return Err(AssistantError::Unavailable("its answer was empty".to_owned()));
        }
        Ok(reply)
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
        risk: None,
        usage: Usage::default(),
        created_at: at,
        updated_at: at,
    }
}

fn in_vain(error: AssistantError) -> Error {
    Error::ThirdParty(Box::new(error))
}

/// Lets the relationship of a counsel's two grow by `source`, as far as its day allows, and tells of it.
async fn grow(
    transaction: &Transaction,
    counsel: &Counsel,
    source: Source,
    now: Timestamp,
) -> Result<(), Error> {
    let known =
        Relationship::new(counsel.relationship_id.clone(), &counsel.counselor_id, &counsel.user_id, now);
    let mut relationship = transaction.relationship_for_change(known).await?;
    if relationship.grow(source, now) {
        transaction.save_relationship(&relationship).await?;
        transaction.publish(&relationship.grown())?;
    }
    Ok(())
}
