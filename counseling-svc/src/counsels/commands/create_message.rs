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
use tokio::sync::{oneshot, watch};
use tracing::Instrument;

use super::super::domain::{Author, Counsel, CounselEvent, Failure, Lease, Message};
use super::super::events::publish;
use super::super::repository::Counsels;
use super::super::risk::graver;
use super::super::scene;
use super::{CounselCommands, grow, in_vain, own_counsel, said};
use crate::assistant::{Draft, Reply, Turn};
use crate::contexts::domain::Summary;
use crate::relationships::domain::Source;

/// When a client may try again that spoke while the counselor was answering.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many earlier messages the assistant is told at most; what came before them is in the summary.
const MOST_HISTORY: u64 = 60;

/// What a caller says.
pub struct NewMessage {
    pub counselor_id: String,
    pub counsel_id: String,
    /// Keeps the rule [`super::super::domain::MESSAGE`].
    pub text: String,
    pub reservation_id: String,
}

/// A message and its reply.
pub struct Pair {
    pub message: Message,
    pub reply: Message,
}

/// What becomes of a message that was taken.
pub enum Spoken {
    /// It was answered before.
    Answered(Box<Pair>),
    /// It is being answered.
    Speaking(Speaking),
}

/// An answer on its way.
pub struct Speaking {
    /// What was said so far.
    pub draft: watch::Receiver<String>,
    /// How it ended.
    pub told: oneshot::Receiver<Result<Pair, Error>>,
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

impl CounselCommands {
    /// Says something in the caller's counsel, and returns the counselor's reply.
    ///
    /// Idempotent by reservation id. The turn runs in a task of its own: a caller who goes away does not stop it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the caller has no such counsel, [`Error::ResourceExhausted`] while the counselor is
    /// answering, [`Error::FailedPrecondition`] when the reservation pays for something else,
    /// [`Error::ThirdParty`] when the assistant does not answer.
    pub async fn create_message(&self, caller: Caller, new: NewMessage) -> Result<Pair, Error> {
        match self.begin_message(caller, new).await? {
            Spoken::Answered(pair) => Ok(*pair),
            Spoken::Speaking(Speaking { told, .. }) => told.await.map_err(Error::internal)?,
        }
    }

    /// As [`Self::create_message`], but returns as soon as the message is taken.
    ///
    /// # Errors
    /// As [`Self::create_message`], except for what happens after the message was taken.
    pub async fn begin_message(&self, caller: Caller, new: NewMessage) -> Result<Spoken, Error> {
        let (begin, begun) = oneshot::channel();
        let commands = self.clone();
        let turn = async move {
            let pending = match commands.accept(&caller, new).await {
                Ok(Accepted::Pending(pending)) => pending,
                Ok(Accepted::Answered(pair)) => {
                    return drop(begin.send(Ok(Spoken::Answered(Box::new(pair)))));
                }
                Err(error) => return drop(begin.send(Err(error))),
            };
            let draft = Draft::default();
            let (tell, told) = oneshot::channel();
            // Here and below nobody listens when the caller has gone away.
            let _ = begin.send(Ok(Spoken::Speaking(Speaking { draft: draft.follow(), told })));
            let _ = tell.send(commands.speak(pending, &draft).await);
        };
        self.turns.spawn(turn.in_current_span());
        begun.await.map_err(Error::internal)?
    }

    async fn speak(&self, pending: Pending, draft: &Draft) -> Result<Pair, Error> {
        let (counsel_id, lease) = (pending.counsel.id.clone(), pending.lease.clone());
        match self.answer(pending, draft).await {
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
                said(&counsel, text, author, counsel.moment(now))
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

    async fn answer(&self, pending: Pending, draft: &Draft) -> Result<Pair, (Failure, Error)> {
        let interrupted = |error| (Failure::Interrupted, error);
        let turn = self.gather(&pending).await.map_err(interrupted)?;
        let reply = self.ask(self.assistant.reply(&turn, draft)).await;
        let reply = reply.map_err(|error| (Failure::Assistant, in_vain(error)))?;
        self.keep(pending, reply).await.map_err(interrupted)
    }

    /// Reads what the assistant is told: one query for each table, whatever the length of the counsel.
    async fn gather(&self, pending: &Pending) -> Result<Turn, Error> {
        let Pending { counsel, message, .. } = pending;
        let Counsel { id, counselor_id, prompt_version_id, technique_id, .. } = counsel;
        let scene = self.stage.scene(counselor_id, prompt_version_id, technique_id, id).await?;
        let summary = self.contexts.summary(&counsel.id).await?;
        let since = summary.as_ref().map(Summary::end);
        let said = self.queries.latest(&counsel.id, Some(message), since, MOST_HISTORY).await?;
        let known = self.contexts.understanding(&counsel.id).await?;
        Ok(Turn {
            scene,
            summary: summary.map(|summary| summary.text),
            history: said.iter().map(scene::utterance).collect(),
            protocol: self
                .risks
                .protocol(&message.text, &known.map(|known| known.context).unwrap_or_default()),
            message: message.text.clone(),
        })
    }

    async fn keep(&self, pending: Pending, reply: Reply) -> Result<Pair, Error> {
        let Pending { counsel, mut message, reservation_id, lease } = pending;
        let risk = graver(reply.risk, self.risks.heard_in(&message.text));
        let technique_id = counsel.technique_id;
        let transaction = self.database.begin().await?;
        let counsel = transaction.counsel_for_change(&counsel.id).await?;
        let mut counsel = counsel.ok_or(Error::NotFound("counsel"))?;
        let now = self.clock.now();
        let author = Author::Counselor { reply_to: Some(message.id.clone()) };
        // The counsel may be in another technique by now.
        let answered = Message {
            technique_id,
            usage: reply.usage,
            ..said(&counsel, reply.text, author, counsel.moment(now))
        };
        let created = counsel
            .complete_turn(&lease, &reservation_id, &answered, reply.is_fallback)
            .map_err(|lost| Error::Unavailable(Box::new(lost)))?;
        transaction.insert_message(&answered).await?;
        transaction.save_counsel(&counsel).await?;
        publish(&transaction, &counsel, created)?;
        if let Some(risk) = risk.filter(|risk| self.risks.is_grave(*risk))
            && message.note_risk(risk)
        {
            transaction.save_message(&message).await?;
            let detected = CounselEvent::RiskDetected { message_id: message.id.clone(), risk };
            publish(&transaction, &counsel, detected)?;
        }
        grow(&transaction, &counsel, Source::Message, now).await?;
        transaction.commit().await?;
        Ok(Pair { message, reply: answered })
    }
}

fn paid_for_another() -> Error {
    Error::FailedPrecondition("the reservation pays for another message".to_owned())
}
