//! Opening a counsel.

use std::time::Duration;

use shared::auth::Caller;
use shared::time::Timestamp;
use shared::{Error, id};

use super::super::domain::{self, Author, Counsel, CounselEvent, Message};
use super::super::events::publish;
use super::super::repository::Counsels;
use super::super::risk::graver;
use super::super::scene;
use super::{CounselCommands, grow, in_vain, said};
use crate::assistant::{Draft, Risk, Turn};
use crate::contexts::domain::Context;
use crate::counselors::entity::{bubble, counselor};
use crate::erasure::repository::is_erased;
use crate::prompts::entity::technique;
use crate::relationships::domain::{Relationship, Source};
use crate::relationships::repository::Relationships;

/// What a caller asks for.
pub struct NewCounsel {
    pub counsel_id: String,
    pub counselor_id: String,
    pub bubble_answer: Option<BubbleAnswer>,
    /// For admins only; the active version otherwise.
    pub prompt_version_id: Option<String>,
}

/// The answer to a bubble that opens a counsel.
pub struct BubbleAnswer {
    pub bubble_id: String,
    pub option: ResponseOption,
}

/// Which of a bubble's two answers was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseOption {
    First,
    Second,
}

/// What a counsel is opened with.
struct Opening {
    counselor: counselor::Model,
    version_id: String,
    technique: technique::Model,
    bubble: Option<(bubble::Model, ResponseOption)>,
}

/// What is said when a counsel is opened, and what follows from it.
struct FirstWords {
    messages: Vec<Message>,
    /// The danger that the answer to the bubble speaks of, if others are to be told.
    risk: Option<Risk>,
}

impl CounselCommands {
    /// Opens a counsel. Everything is read and the assistant is asked before the transaction begins.
    ///
    /// Idempotent by the counsel's id: a repeat finds the first one's counsel and the words it was opened with.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown counselor, bubble or version, and when the id is of somebody else's
    /// counsel; [`Error::PermissionDenied`] when somebody who is no admin chooses a version;
    /// [`Error::ThirdParty`] when the assistant does not answer.
    pub async fn create_counsel(
        &self,
        caller: &Caller,
        new: NewCounsel,
    ) -> Result<(Counsel, Vec<Message>), Error> {
        if let Some(counsel) = self.queries.by_id(&new.counsel_id).await? {
            return self.earlier(caller, counsel, &new.counselor_id).await;
        }
        let opening = self.opening(caller, &new).await?;
        let now = self.clock.now();
        let mut counsel = counsel_of(&new, &opening, caller.user_id()?, now);
        let FirstWords { messages, risk } = self.first_words(&mut counsel, &opening).await?;

        let transaction = self.database.begin().await?;
        if is_erased(&transaction, &counsel.user_id).await? {
            return Err(Error::NotFound("user"));
        }
        let met = Relationship::new(id::new_id(), &counsel.counselor_id, &counsel.user_id, now);
        counsel.relationship_id = transaction.relationship_for_change(met).await?.id;
        if !transaction.insert_counsel(&counsel).await? {
            // The same request at the same time was faster.
            drop(transaction);
            let faster = self.queries.by_id(&counsel.id).await?.ok_or(Error::NotFound("counsel"))?;
            return self.earlier(caller, faster, &new.counselor_id).await;
        }
        for message in &messages {
            transaction.insert_message(message).await?;
        }
        let bubble_id = new.bubble_answer.map(|answer| answer.bubble_id);
        let is_answer = bubble_id.is_some();
        publish(&transaction, &counsel, CounselEvent::Created { bubble_id })?;
        if is_answer {
            grow(&transaction, &counsel, Source::BubbleAnswer, now).await?;
        }
        if let (Some(risk), Some(answer)) = (risk, messages.iter().find(|message| message.risk.is_some())) {
            let message_id = answer.id.clone();
            publish(&transaction, &counsel, CounselEvent::RiskDetected { message_id, risk })?;
        }
        transaction.commit().await?;
        Ok((counsel, messages))
    }

    /// What an earlier request with the same counsel id has opened, with the words it was opened with.
    async fn earlier(
        &self,
        caller: &Caller,
        counsel: Counsel,
        counselor_id: &str,
    ) -> Result<(Counsel, Vec<Message>), Error> {
        let is_own = counsel.user_id == caller.user_id()? && counsel.counselor_id == counselor_id;
        if !is_own {
            return Err(Error::NotFound("counsel"));
        }
        let messages = self.queries.first_words(&counsel.id).await?;
        Ok((counsel, messages))
    }

    async fn opening(&self, caller: &Caller, new: &NewCounsel) -> Result<Opening, Error> {
        let version_id = match &new.prompt_version_id {
            Some(version_id) => {
                caller.require_admin()?;
                self.stage.prompts.existing_version(version_id).await?.id
            }
            None => self.stage.prompts.active_version().await?.id,
        };
        let counselor = self.stage.counselors.counselor(&new.counselor_id).await?;
        let bubble = match &new.bubble_answer {
            Some(BubbleAnswer { bubble_id, option }) => {
                Some((self.stage.counselors.bubble(&counselor.id, bubble_id).await?, *option))
            }
            None => None,
        };
        let technique = self.stage.prompts.start_technique(&version_id, &counselor.tone_id).await?;
        Ok(Opening { counselor, version_id, technique, bubble })
    }

    /// The greeting; or the bubble's question, the user's answer, and what the counselor says to it.
    async fn first_words(&self, counsel: &mut Counsel, opening: &Opening) -> Result<FirstWords, Error> {
        let Opening { counselor, version_id, technique, bubble } = opening;
        let scene = self.stage.scene(&counselor.id, version_id, &technique.id, &counsel.id).await?;
        let at = counsel.created_at;
        let counselors = || Author::Counselor { reply_to: None };
        let mut messages = Vec::new();
        let mut risk = None;
        let reply = match bubble {
            None => self.ask(self.assistant.greet(&scene)).await.map_err(in_vain)?,
            Some((bubble, option)) => {
                messages.push(said(counsel, bubble.question.clone(), counselors(), at));
                let chosen = match option {
                    ResponseOption::First => &bubble.response_option1,
                    ResponseOption::Second => &bubble.response_option2,
                };
                let author = Author::User { reservation_id: None };
                let mut answer = said(counsel, chosen.clone(), author, after(at, 1));
                let turn = Turn {
                    scene,
                    summary: None,
                    history: messages.iter().map(scene::utterance).collect(),
                    message: answer.text.clone(),
                    protocol: self.risks.protocol(&answer.text, &Context::default()),
                };
                let reply =
                    self.ask(self.assistant.reply(&turn, &Draft::default())).await.map_err(in_vain)?;
                risk = graver(reply.risk, self.risks.heard_in(&answer.text));
                risk = risk.filter(|risk| self.risks.is_grave(*risk) && answer.note_risk(*risk));
                messages.push(answer);
                reply
            }
        };
        let last = Message { usage: reply.usage, ..said(counsel, reply.text, counselors(), after(at, 2)) };
        counsel.note_last(&last);
        messages.push(last);
        Ok(FirstWords { messages, risk })
    }
}

/// Messages of one moment keep their order by microseconds.
fn after(at: Timestamp, micros: u64) -> Timestamp {
    at.plus(Duration::from_micros(micros))
}

fn counsel_of(new: &NewCounsel, opening: &Opening, user_id: &str, now: Timestamp) -> Counsel {
    Counsel {
        id: new.counsel_id.clone(),
        counselor_id: opening.counselor.id.clone(),
        user_id: user_id.to_owned(),
        prompt_version_id: opening.version_id.clone(),
        technique_id: opening.technique.id.clone(),
        technique_message_count: 0,
        // Known once the relationship is locked.
        relationship_id: String::new(),
        last_message: None,
        last_chatted_at: None,
        turn: domain::Turn::User,
        created_at: now,
        updated_at: now,
    }
}
