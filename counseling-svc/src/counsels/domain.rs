//! The aggregate `Counsel`: one conversation, in which one message is answered at a time.

use std::time::Duration;

use shared::Violations;
use shared::proto::v1::CounselMessageReaction;
use shared::time::Timestamp;

/// How long an answer may take before the turn counts as interrupted. As long as a token is held for it.
pub const TURN: Duration = Duration::from_secs(60);
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
    /// The counselor's, who answers this message until then.
    Counselor { message_id: String, until: Timestamp },
}

/// The counselor is answering another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counselor is still answering; say the next thing after that")]
pub struct Busy;

/// The turn is not this message's any more: it took too long and was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer came too late")]
pub struct TurnLost;

impl Counsel {
    /// Gives the counselor the turn, to answer `message_id`.
    ///
    /// # Errors
    /// [`Busy`] while the counselor answers something else. A turn that nobody ended in time is still one, until
    /// recovery has ended it: its message must be reported as failed first.
    pub fn begin_turn(&mut self, message_id: &str, now: Timestamp) -> Result<(), Busy> {
        match self.turn {
            Turn::Counselor { .. } => Err(Busy),
            Turn::User => {
                self.turn = Turn::Counselor { message_id: message_id.to_owned(), until: now.plus(TURN) };
                self.updated_at = now;
                Ok(())
            }
        }
    }

    /// The counselor has answered `message_id` with `reply`; the next message is answered with `next_technique`, if
    /// that is another one.
    ///
    /// # Errors
    /// [`TurnLost`].
    pub fn complete_turn(
        &mut self,
        message_id: &str,
        reply: &str,
        next_technique: Option<&str>,
        now: Timestamp,
    ) -> Result<(), TurnLost> {
        self.end_turn(message_id)?;
        self.technique_message_count += 1;
        if let Some(technique_id) = next_technique {
            technique_id.clone_into(&mut self.technique_id);
            self.technique_message_count = 0;
        }
        self.last_message = Some(reply.to_owned());
        self.last_chatted_at = Some(now);
        self.updated_at = now;
        Ok(())
    }

    /// There will be no answer to `message_id`.
    ///
    /// # Errors
    /// [`TurnLost`] when that has been said already.
    pub fn abandon_turn(&mut self, message_id: &str, now: Timestamp) -> Result<(), TurnLost> {
        self.end_turn(message_id)?;
        self.updated_at = now;
        Ok(())
    }

    /// The message that nobody answered in time.
    pub fn interrupted_message(&self, now: Timestamp) -> Option<&str> {
        match &self.turn {
            Turn::Counselor { message_id, until } if *until <= now => Some(message_id),
            Turn::Counselor { .. } | Turn::User => None,
        }
    }

    fn end_turn(&mut self, message_id: &str) -> Result<(), TurnLost> {
        match &self.turn {
            Turn::Counselor { message_id: current, .. } if current == message_id => {
                self.turn = Turn::User;
                Ok(())
            }
            Turn::Counselor { .. } | Turn::User => Err(TurnLost),
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

/// Only what a counselor said can be reacted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a message of the counselor")]
pub struct NotTheCounselors;

impl Message {
    /// Notes what the user thinks of it. The same again changes nothing; another reaction replaces the first.
    ///
    /// # Errors
    /// [`NotTheCounselors`].
    pub fn react(&mut self, kind: CounselMessageReaction, now: Timestamp) -> Result<(), NotTheCounselors> {
        match self.author {
            Author::User { .. } => Err(NotTheCounselors),
            Author::Counselor { .. } => {
                if self.reaction.is_none_or(|reaction| reaction.kind != kind) {
                    self.reaction = Some(Reaction { kind, at: now });
                    self.updated_at = now;
                }
                Ok(())
            }
        }
    }
}

/// A user's words, trimmed, if they keep the rules; each broken rule is noted.
pub fn check_text(text: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    let length = text.chars().count();
    let rule = format!("must be 1 to {LONGEST_MESSAGE} characters, not counting space around it");
    violations.check((1..=LONGEST_MESSAGE).contains(&length), "message", &rule);
    let plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
    violations.check(text.chars().all(plain), "message", "must not hold control characters");
    text.to_owned()
}

#[cfg(test)]
mod tests;
