//! Saying something, and being answered.
//!
//! 1. One transaction keeps the user's message and gives the counselor the turn.
//! 2. The assistant is asked, with no transaction open.
//! 3. One transaction keeps the reply and tells of both. If there is no reply, one tells of that; if this process
//!    dies before either, recovery does.

use std::time::Duration;

use shared::Error;
use shared::auth::Caller;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailure, RiskDetected, RiskKind};
use shared::time::Timestamp;
use tracing::Instrument;

use super::super::domain::{Author, Counsel, Message};
use super::super::repository::Counsels;
use super::super::scene;
use super::{CounselCommands, own_counsel, said, unavailable};
use crate::assistant::{self, AssistantError, Reply};
use crate::prompts::domain::next_technique;
use crate::relationships::domain::Relationship;
use crate::relationships::repository::Relationships;

/// When a client may try again that spoke while the counselor was answering.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a caller says.
#[derive(Clone)]
pub struct NewMessage {
    pub counselor_id: String,
    pub counsel_id: String,
    /// Checked by [`super::super::domain::check_text`].
    pub text: String,
    pub reservation_id: String,
}

/// A message and its reply.
pub struct Pair {
    pub message: Message,
    pub reply: Message,
}

/// Where a request stands after its message was kept.
enum Accepted {
    /// It is to be answered now.
    Turn(Counsel, Message),
    /// It was answered before.
    Answered(Pair),
}

impl CounselCommands {
    /// Says something in the caller's counsel, and returns the counselor's reply.
    ///
    /// Idempotent by reservation id. The turn runs in a task of its own: a caller who goes away does not stop it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the caller has no such counsel, [`Error::ResourceExhausted`] while the counselor is
    /// answering, [`Error::FailedPrecondition`] when the reservation pays for something else,
    /// [`Error::Unavailable`] when the assistant does not answer.
    pub async fn create_message(&self, caller: Caller, new: NewMessage) -> Result<Pair, Error> {
        let commands = self.clone();
        let turn = async move {
            match commands.accept(&caller, &new).await? {
                Accepted::Answered(pair) => Ok(pair),
                Accepted::Turn(counsel, message) => {
                    commands.answer(counsel, message, &new.reservation_id).await
                }
            }
        };
        tokio::spawn(turn.in_current_span()).await.map_err(Error::internal)?
    }

    async fn accept(&self, caller: &Caller, new: &NewMessage) -> Result<Accepted, Error> {
        let transaction = self.database.begin().await?;
        let mut counsel = own_counsel(&transaction, caller, &new.counselor_id, &new.counsel_id).await?;
        let earlier = transaction.message_of_reservation(&new.reservation_id).await?;
        let message = match earlier {
            Some(earlier) if earlier.counsel_id != counsel.id || earlier.text != new.text => {
                let reason = "the reservation pays for another message";
                return Err(Error::FailedPrecondition(reason.to_owned()));
            }
            Some(message) => {
                if let Some(reply) = transaction.reply_to(&message.id).await? {
                    return Ok(Accepted::Answered(Pair { message, reply }));
                }
                message
            }
            None => {
                let author = Author::User { reservation_id: Some(new.reservation_id.clone()) };
                let message = said(&counsel, new.text.clone(), author, self.clock.now());
                // Refused before anything is written, so that a refused message leaves no trace.
                begin_turn(&mut counsel, &message, self.clock.now())?;
                if !transaction.insert_message(&message).await? {
                    let reason = "the reservation pays for a message in another counsel";
                    return Err(Error::FailedPrecondition(reason.to_owned()));
                }
                transaction.save_counsel(&counsel).await?;
                transaction.commit().await?;
                return Ok(Accepted::Turn(counsel, message));
            }
        };
        begin_turn(&mut counsel, &message, self.clock.now())?;
        transaction.save_counsel(&counsel).await?;
        transaction.commit().await?;
        Ok(Accepted::Turn(counsel, message))
    }

    async fn answer(&self, counsel: Counsel, message: Message, reservation_id: &str) -> Result<Pair, Error> {
        match self.think(&counsel, &message).await {
            Ok(reply) => self.keep_reply(&counsel, message, reply, reservation_id).await,
            Err(error) => {
                let transaction = self.database.begin().await?;
                if let Some(counsel) = transaction.counsel_for_change(&counsel.id).await? {
                    self.abandon(transaction, counsel, &message.id, CounselMessageFailure::Assistant).await?;
                }
                Err(error)
            }
        }
    }

    /// Gathers what was said and asks the assistant.
    async fn think(&self, counsel: &Counsel, message: &Message) -> Result<Reply, Error> {
        let counselor = self.stage.counselors.counselor(&counsel.counselor_id).await?;
        let technique = self.stage.prompts.technique(&counsel.technique_id).await?;
        let scene = self.stage.scene(&counselor, &counsel.prompt_version_id, &technique, &counsel.id).await?;
        let said = self.queries.messages(&counsel.id).await?;
        let turn = scene::turn(scene, &said, message);
        let reply = self.ask(self.assistant.reply(&turn)).await.map_err(unavailable)?;
        if reply.text.trim().is_empty() {
            return Err(unavailable(AssistantError::Unavailable("its answer was empty".to_owned())));
        }
        Ok(reply)
    }

    async fn keep_reply(
        &self,
        counsel: &Counsel,
        message: Message,
        reply: Reply,
        reservation_id: &str,
    ) -> Result<Pair, Error> {
        let technique = self.stage.prompts.technique(&counsel.technique_id).await?;
        let rules = self.stage.prompts.rules_from(&counsel.technique_id).await?;

        let transaction = self.database.begin().await?;
        let mut counsel =
            transaction.counsel_for_change(&counsel.id).await?.ok_or(Error::NotFound("counsel"))?;
        let now = self.clock.now();
        let count = counsel.technique_message_count + 1;
        let next = next_technique(&rules, &technique.id, technique.message_threshold, count);
        let answered =
            said(&counsel, reply.text, Author::Counselor { reply_to: Some(message.id.clone()) }, now);
        counsel
            .complete_turn(&message.id, &answered.text, next, now)
            .map_err(|lost| Error::Unavailable(Box::new(lost)))?;
        transaction.insert_message(&answered).await?;
        transaction.save_counsel(&counsel).await?;

        let known =
            Relationship::new(counsel.relationship_id.clone(), &counsel.counselor_id, &counsel.user_id, now);
        let mut relationship = transaction.relationship_for_change(known).await?;
        relationship.grow(now);
        transaction.save_relationship(&relationship).await?;

        let created = CounselMessageCreated {
            counsel_id: counsel.id.clone(),
            user_id: counsel.user_id.clone(),
            counselor_id: counsel.counselor_id.clone(),
            user_message_id: message.id.clone(),
            counselor_message_id: answered.id.clone(),
            counsel_technique_id: answered.technique_id.clone(),
            reservation_id: reservation_id.to_owned(),
        };
        transaction.publish(&created).await?;
        if let Some(risk) = reply.risk {
            transaction.publish(&risk_detected(&counsel, &message, risk)).await?;
        }
        transaction.commit().await?;
        Ok(Pair { message, reply: answered })
    }
}

fn begin_turn(counsel: &mut Counsel, message: &Message, now: Timestamp) -> Result<(), Error> {
    counsel
        .begin_turn(&message.id, now)
        .map_err(|busy| Error::ResourceExhausted { message: busy.to_string(), retry_after: RETRY_AFTER })
}

fn risk_detected(counsel: &Counsel, message: &Message, risk: assistant::Risk) -> RiskDetected {
    let kind = match risk.kind {
        assistant::RiskKind::SelfHarm => RiskKind::SelfHarm,
        assistant::RiskKind::HarmToOthers => RiskKind::HarmToOthers,
        assistant::RiskKind::Abuse => RiskKind::Abuse,
    };
    RiskDetected {
        counsel_id: counsel.id.clone(),
        user_id: counsel.user_id.clone(),
        user_message_id: message.id.clone(),
        risk_kind: kind.into(),
        risk_severity: risk.severity.into(),
    }
}
