//! Saying something, and being answered.
//!
//! 1. One transaction keeps the user's message and gives the counselor the turn.
//! 2. The assistant is asked, with no transaction open.
//! 3. One transaction keeps the reply and tells of both. If there is no reply, one tells of that; if this process
//!    dies before either, recovery does.

use std::time::Duration;

use shared::Error;
use shared::auth::Caller;
use shared::error::Chain;
use tokio::sync::oneshot;
use tracing::Instrument;

use super::super::domain::{Author, Counsel, CounselEvent, Failure, Lease, Message};
use super::super::repository::Counsels;
use super::super::scene;
use super::{CounselCommands, own_counsel, publish, said, unavailable};
use crate::assistant::{Draft, Reply, Turn};
use crate::contexts::domain::Context;
use crate::prompts::domain::{TransitionRule, next_technique};
use crate::relationships::domain::Relationship;
use crate::relationships::repository::Relationships;

/// When a client may try again that spoke while the counselor was answering.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a caller says.
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
    Pending(Pending),
    /// It was answered before.
    Answered(Pair),
}

/// A kept message whose turn it is.
struct Pending {
    counsel: Counsel,
    message: Message,
    reservation_id: String,
    lease: Lease,
}

/// What decides about the technique of the next message.
struct Course {
    threshold: i32,
    rules: Vec<TransitionRule>,
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
        let (tell, told) = oneshot::channel();
        let commands = self.clone();
        let turn = async move {
            // Nobody listens when the caller has gone away.
            let _ = tell.send(commands.speak(&caller, new).await);
        };
        self.turns.spawn(turn.in_current_span());
        told.await.map_err(Error::internal)?
    }

    async fn speak(&self, caller: &Caller, new: NewMessage) -> Result<Pair, Error> {
        let pending = match self.accept(caller, new).await? {
            Accepted::Answered(pair) => return Ok(pair),
            Accepted::Pending(pending) => pending,
        };
        let (counsel_id, lease) = (pending.counsel.id.clone(), pending.lease.clone());
        match self.answer(pending).await {
            Ok(pair) => Ok(pair),
            Err((failure, error)) => {
                if let Err(error) = self.give_up(&counsel_id, &lease, failure).await {
                    let error = Chain(&error);
                    tracing::warn!(counsel_id, %error, "a turn without an answer is left to recovery");
                }
                Err(error)
            }
        }
    }

    /// Keeps the message and gives the counselor the turn. A refused message leaves no trace.
    async fn accept(&self, caller: &Caller, new: NewMessage) -> Result<Accepted, Error> {
        let NewMessage { counselor_id, counsel_id, text, reservation_id } = new;
        let transaction = self.database.begin().await?;
        let mut counsel = own_counsel(&transaction, caller, &counselor_id, &counsel_id).await?;
        let now = self.clock.now();
        let earlier = transaction.message_of_reservation(&reservation_id).await?;
        let is_new = earlier.is_none();
        let message = match earlier {
            None => {
                let author = Author::User { reservation_id: Some(reservation_id.clone()) };
                said(&counsel, text, author, now)
            }
            Some(earlier) if earlier.counsel_id != counsel.id || earlier.text != text => {
                return Err(paid_for_another());
            }
            Some(message) => {
                if let Some(reply) = transaction.reply_to(&message.id).await? {
                    return Ok(Accepted::Answered(Pair { message, reply }));
                }
                message
            }
        };
        let lease = counsel.begin_turn(&message.id, now).map_err(|busy| Error::ResourceExhausted {
            message: busy.to_string(),
            retry_after: RETRY_AFTER,
        })?;
        // The same reservation may come in another counsel at the same moment.
        if is_new && !transaction.insert_message(&message).await? {
            return Err(paid_for_another());
        }
        transaction.save_counsel(&counsel).await?;
        transaction.commit().await?;
        Ok(Accepted::Pending(Pending { counsel, message, reservation_id, lease }))
    }

    async fn answer(&self, pending: Pending) -> Result<Pair, (Failure, Error)> {
        let interrupted = |error| (Failure::Interrupted, error);
        let (turn, course) = self.gather(&pending).await.map_err(interrupted)?;
        let reply = self.ask(self.assistant.reply(&turn, &Draft::default())).await;
        let reply = reply.map_err(|error| (Failure::Assistant, unavailable(error)))?;
        self.keep(pending, course, reply).await.map_err(interrupted)
    }

    /// Reads what the assistant is told, and what comes after its answer.
    async fn gather(&self, pending: &Pending) -> Result<(Turn, Course), Error> {
        let Pending { counsel, message, .. } = pending;
        let counselor = self.stage.counselors.counselor(&counsel.counselor_id).await?;
        let technique = self.stage.prompts.technique(&counsel.technique_id).await?;
        let rules = self.stage.prompts.rules_from(&counsel.technique_id).await?;
        let scene = self.stage.scene(&counselor, &counsel.prompt_version_id, &technique, &counsel.id).await?;
        let said = self.queries.messages(&counsel.id).await?;
        let course = Course { threshold: technique.message_threshold, rules };
        Ok((scene::turn(scene, &said, message), course))
    }

    async fn keep(&self, pending: Pending, course: Course, reply: Reply) -> Result<Pair, Error> {
        let Pending { counsel, message, reservation_id, lease } = pending;
        let transaction = self.database.begin().await?;
        let counsel = transaction.counsel_for_change(&counsel.id).await?;
        let mut counsel = counsel.ok_or(Error::NotFound("counsel"))?;
        let now = self.clock.now();
        let author = Author::Counselor { reply_to: Some(message.id.clone()) };
        let answered = said(&counsel, reply.text, author, now);
        let count = counsel.technique_message_count + 1;
        let known = Context::default();
        let next = next_technique(&course.rules, &counsel.technique_id, course.threshold, count, &known);
        let created = counsel
            .complete_turn(&lease, &reservation_id, &answered, next)
            .map_err(|lost| Error::Unavailable(Box::new(lost)))?;
        transaction.insert_message(&answered).await?;
        transaction.save_counsel(&counsel).await?;
        publish(&transaction, &counsel, created).await?;
        if let Some(risk) = reply.risk {
            let detected = CounselEvent::RiskDetected { message_id: message.id.clone(), risk };
            publish(&transaction, &counsel, detected).await?;
        }

        let known =
            Relationship::new(counsel.relationship_id.clone(), &counsel.counselor_id, &counsel.user_id, now);
        let mut relationship = transaction.relationship_for_change(known).await?;
        relationship.grow(now);
        transaction.save_relationship(&relationship).await?;
        transaction.commit().await?;
        Ok(Pair { message, reply: answered })
    }
}

fn paid_for_another() -> Error {
    Error::FailedPrecondition("the reservation pays for another message".to_owned())
}
