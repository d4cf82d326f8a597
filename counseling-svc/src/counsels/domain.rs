//! The aggregate `Counsel`: one conversation, in which one message is answered at a time.

use std::time::Duration;

use shared::proto::v1::CounselMessageReaction;
use shared::text::TextRule;
use shared::time::Timestamp;

use crate::assistant::{Risk, Usage};

/// How long an answer may take before the turn counts as interrupted. As long as a token is held for it.
pub const TURN: Duration = Duration::from_secs(60);
/// What comes after something comes so much later at least: it is what databases keep times by.
const MICROSECOND: Duration = Duration::from_micros(1);
/// The most characters of a user's message.
pub const LONGEST_MESSAGE: usize = 2000;

/// A conversation between a user and a counselor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counsel {
    pub id: String,
    pub counselor_id: String,
    pub user_id: String,
    pub prompt_version_id: String,
    pub technique_id: String,
    /// The user's messages that were answered with this technique.
    pub technique_message_count: i32,
    pub relationship_id: String,
    pub last_message: Option<String>,
    pub last_chatted_at: Option<Timestamp>,
    pub turn: Turn,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The user's.
    User,
    /// The counselor's.
    Counselor(Lease),
}

/// The right to answer a message, for a time. Whoever ends a turn shows the lease that began it: a message whose turn
/// was given up may be answered in another one, which the first one must not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The message that is to be answered.
    pub message_id: String,
    /// When the turn counts as interrupted.
    pub until: Timestamp,
}

/// What has happened in a counsel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounselEvent {
    /// It was opened, maybe with the answer to a bubble.
    Created { bubble_id: Option<String> },
    /// A message was answered; both messages are there.
    MessageCreated {
        message_id: String,
        reply_id: String,
        technique_id: String,
        reservation_id: String,
        /// The reply only stands in for one that could not be had.
        is_fallback: bool,
    },
    /// A message stays without an answer, unless it is repeated.
    MessageFailed { message_id: String, reservation_id: String, failure: Failure },
    /// The user thinks something of a message of the counselor.
    MessageReacted { message_id: String, reaction: CounselMessageReaction },
    /// A message speaks of danger.
    RiskDetected { message_id: String, risk: Risk },
}

/// Why a message stays without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The assistant answered with an error, or too late.
    Assistant,
    /// Whoever asked the assistant went away, or could not keep the answer.
    Interrupted,
}

/// The counselor is answering another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counselor is still answering; say the next thing after that")]
pub struct Busy;

/// The turn has ended already: it took too long and was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer came too late")]
pub struct TurnLost;

impl Counsel {
    /// When something happens in this counsel that happens `now`: never before what has already happened in it. Replicas
    /// whose clocks differ take turns, and messages are listed by when they were said.
    pub fn moment(&self, now: Timestamp) -> Timestamp {
        now.max(self.updated_at.plus(MICROSECOND))
    }

    /// Gives the counselor the turn, to answer `message_id`.
    ///
    /// # Errors
    /// [`Busy`] while the counselor answers something else. A turn that nobody ended in time is still one, until
    /// recovery has ended it: its message must be reported as failed first.
    pub fn begin_turn(&mut self, message_id: &str, now: Timestamp) -> Result<Lease, Busy> {
        match self.turn {
            Turn::Counselor(_) => Err(Busy),
            Turn::User => {
                let lease = Lease { message_id: message_id.to_owned(), until: now.plus(TURN) };
                self.turn = Turn::Counselor(lease.clone());
                self.updated_at = self.moment(now);
                Ok(lease)
            }
        }
    }

    /// The counselor has answered with `reply` the message that `reservation_id` pays for, or would pay for if the
    /// reply did not only stand in for another one.
    ///
    /// # Errors
    /// [`TurnLost`].
    pub fn complete_turn(
        &mut self,
        lease: &Lease,
        reservation_id: &str,
        reply: &Message,
        is_fallback: bool,
    ) -> Result<CounselEvent, TurnLost> {
        self.end_turn(lease)?;
        if self.technique_id == reply.technique_id {
            self.technique_message_count += 1;
        }
        self.note_last(reply);
        Ok(CounselEvent::MessageCreated {
            message_id: lease.message_id.clone(),
            reply_id: reply.id.clone(),
            technique_id: reply.technique_id.clone(),
            reservation_id: reservation_id.to_owned(),
            is_fallback,
        })
    }

    /// Goes on with another technique, whose messages count from now on.
    pub fn change_technique(&mut self, to: &str, now: Timestamp) {
        to.clone_into(&mut self.technique_id);
        self.technique_message_count = 0;
        self.updated_at = self.moment(now);
    }

    /// There will be no answer to the message that `reservation_id` pays for.
    ///
    /// # Errors
    /// [`TurnLost`] when that has been said already.
    pub fn abandon_turn(
        &mut self,
        lease: &Lease,
        reservation_id: &str,
        failure: Failure,
        now: Timestamp,
    ) -> Result<CounselEvent, TurnLost> {
        self.end_turn(lease)?;
        self.updated_at = self.moment(now);
        Ok(CounselEvent::MessageFailed {
            message_id: lease.message_id.clone(),
            reservation_id: reservation_id.to_owned(),
            failure,
        })
    }

    /// Notes the message that lists of counsels show.
    pub fn note_last(&mut self, message: &Message) {
        self.last_message = Some(message.text.clone());
        self.last_chatted_at = Some(message.created_at);
        self.updated_at = message.created_at;
    }

    fn end_turn(&mut self, lease: &Lease) -> Result<(), TurnLost> {
        match &self.turn {
            Turn::Counselor(current) if current == lease => {
                self.turn = Turn::User;
                Ok(())
            }
            Turn::Counselor(_) | Turn::User => Err(TurnLost),
        }
    }
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub counsel_id: String,
    pub text: String,
    pub author: Author,
    pub technique_id: String,
    pub reaction: Option<Reaction>,
    /// The danger that it speaks of, as it was told to others.
    pub risk: Option<Risk>,
    /// What it took of a model.
    pub usage: Usage,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The user; a message that is answered is paid for with a token reservation.
    User { reservation_id: Option<String> },
    /// The counselor, in reply to a message or at the opening.
    Counselor { reply_to: Option<String> },
}

/// What the user thinks of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub kind: CounselMessageReaction,
    pub at: Timestamp,
}

/// What a reaction changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reacted {
    /// It is the first one to the message.
    First,
    /// It replaces another one.
    Otherwise,
    /// Nothing.
    Again,
}

/// Only what a counselor said can be reacted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a message of the counselor")]
pub struct NotTheCounselors;

impl Message {
    /// The token reservation that pays for it.
    pub fn reservation_id(&self) -> Option<&str> {
        match &self.author {
            Author::User { reservation_id } => reservation_id.as_deref(),
            Author::Counselor { .. } => None,
        }
    }

    /// Whether the counsel was opened with it: nobody paid for it, and it answers nothing that was paid for.
    pub fn is_first_words(&self) -> bool {
        match &self.author {
            Author::User { reservation_id } => reservation_id.is_none(),
            Author::Counselor { reply_to } => reply_to.is_none(),
        }
    }

    /// Notes the danger that it speaks of; true when that is to be told, for none as grave was known.
    pub fn note_risk(&mut self, risk: Risk) -> bool {
        let is_news = self.risk.is_none_or(|known| known.severity < risk.severity);
        if is_news {
            self.risk = Some(risk);
        }
        is_news
    }

    /// Notes what the user thinks of it. The same again changes nothing; another reaction replaces the first.
    ///
    /// # Errors
    /// [`NotTheCounselors`].
    pub fn react(
        &mut self,
        kind: CounselMessageReaction,
        now: Timestamp,
    ) -> Result<Reacted, NotTheCounselors> {
        match self.author {
            Author::User { .. } => Err(NotTheCounselors),
            Author::Counselor { .. } => {
                let before = self.reaction.map(|reaction| reaction.kind);
                if before == Some(kind) {
                    return Ok(Reacted::Again);
                }
                self.reaction = Some(Reaction { kind, at: now });
                self.updated_at = now;
                Ok(if before.is_none() { Reacted::First } else { Reacted::Otherwise })
            }
        }
    }
}

/// What a user says: the space around it does not count.
pub const MESSAGE: TextRule = TextRule::new(1, LONGEST_MESSAGE);

#[cfg(test)]
mod tests;
