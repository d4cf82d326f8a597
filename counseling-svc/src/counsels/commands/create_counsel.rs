//! Opening a counsel.

use std::time::Duration;

use shared::auth::Caller;
use shared::proto::events::v1::CounselCreated;
use shared::proto::v1::BubbleResponse;
use shared::time::Timestamp;
use shared::{Error, id};

use super::super::domain::{Author, Counsel, Message, Turn};
use super::super::repository::Counsels;
use super::super::scene;
use super::{CounselCommands, said, unavailable};
use crate::counselors::entity::{bubble, counselor};
use crate::prompts::entity::technique;
use crate::relationships::domain::Relationship;
use crate::relationships::repository::Relationships;

/// What a caller asks for.
pub struct NewCounsel {
    pub counsel_id: String,
    pub counselor_id: String,
    pub bubble_response: Option<BubbleResponse>,
    /// For admins only; the active version otherwise.
    pub prompt_version_id: Option<String>,
}

/// What a counsel is opened with.
struct Opening {
    counselor: counselor::Model,
    version_id: String,
    technique: technique::Model,
    bubble: Option<(bubble::Model, String)>,
}

impl CounselCommands {
    /// Opens a counsel. Everything is read and the assistant is asked before the transaction begins.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown counselor, bubble or version, [`Error::PermissionDenied`] when somebody
    /// who is no admin chooses a version, [`Error::Unavailable`] when the assistant does not answer.
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
        let messages = self.first_words(&mut counsel, &opening).await?;

        let transaction = self.database.begin().await?;
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
        let created = CounselCreated {
            counsel_id: counsel.id.clone(),
            user_id: counsel.user_id.clone(),
            counselor_id: counsel.counselor_id.clone(),
            prompt_version_id: counsel.prompt_version_id.clone(),
            bubble_id: new.bubble_response.map(|response| response.bubble_id),
        };
        transaction.publish(&created).await?;
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
        let mut messages = self.queries.messages(&counsel.id).await?;
        let opened = |message: &Message| match &message.author {
            Author::User { reservation_id } => reservation_id.is_none(),
            Author::Counselor { reply_to } => reply_to.is_none(),
        };
        messages.retain(opened);
        Ok((counsel, messages))
    }

    async fn opening(&self, caller: &Caller, new: &NewCounsel) -> Result<Opening, Error> {
        let counselor = self.stage.counselors.counselor(&new.counselor_id).await?;
        let bubble = match &new.bubble_response {
            Some(response) => Some(self.answered_bubble(response, &counselor.id).await?),
            None => None,
        };
        let version_id = match &new.prompt_version_id {
            Some(version_id) => {
                caller.require_admin()?;
                self.stage.prompts.version(version_id).await?.id
            }
            None => self.stage.prompts.active_version().await?.id,
        };
        let technique = self.stage.prompts.start_technique(&version_id, &counselor.tone_id).await?;
        Ok(Opening { counselor, version_id, technique, bubble })
    }

    async fn answered_bubble(
        &self,
        response: &BubbleResponse,
        counselor_id: &str,
    ) -> Result<(bubble::Model, String), Error> {
        let bubble = self.stage.counselors.bubble(counselor_id, &response.bubble_id).await?;
        let answer = match response.response_option_no {
            1 => bubble.response_option1.clone(),
            2 => bubble.response_option2.clone(),
            _ => return Err(Error::invalid("bubble_response.response_option_no", "must be 1 or 2")),
        };
        Ok((bubble, answer))
    }

    /// The greeting; or the bubble's question, the user's answer, and what the counselor says to it.
    async fn first_words(&self, counsel: &mut Counsel, opening: &Opening) -> Result<Vec<Message>, Error> {
        let Opening { counselor, version_id, technique, bubble } = opening;
        let scene = self.stage.scene(counselor, version_id, technique, &counsel.id).await?;
        let at = counsel.created_at;
        let counselors = || Author::Counselor { reply_to: None };
        let mut messages = Vec::new();
        let reply = match bubble {
            None => self.ask(self.assistant.greet(&scene)).await,
            Some((bubble, answer)) => {
                messages.push(said(counsel, bubble.question.clone(), counselors(), at));
                let author = Author::User { reservation_id: None };
                let answered = said(counsel, answer.clone(), author, after(at, 1));
                messages.push(answered.clone());
                let turn = scene::turn(scene, &messages, &answered);
                self.ask(self.assistant.reply(&turn)).await
            }
        };
        let text = reply.map_err(unavailable)?.text;
        counsel.last_message = Some(text.clone());
        counsel.last_chatted_at = Some(at);
        messages.push(said(counsel, text, counselors(), after(at, 2)));
        Ok(messages)
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
        turn: Turn::User,
        created_at: now,
        updated_at: now,
    }
}
