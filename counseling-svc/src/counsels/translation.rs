//! Between the messages of `CounselService` and what commands and queries speak of.

use shared::id::check_id;
use shared::labels::known;
use shared::proto::v1::{
    self, BubbleResponse, CreateCounselRequest, CreateMessageRequest, CreateMessageResponse,
    ReactToMessageRequest,
};
use shared::{Error, Violations};

use super::commands::{BubbleAnswer, NewCounsel, NewMessage, NewReaction, Pair, ResponseOption};
use super::domain::{Author, Counsel, MESSAGE, Message};
use crate::relationships;

/// Reads a request to open a counsel.
///
/// # Errors
/// [`Error::Invalid`] with each broken rule; so for the others.
pub fn new_counsel(request: CreateCounselRequest) -> Result<NewCounsel, Error> {
    let mut violations = Violations::default();
    check_id("counsel_id", &request.counsel_id, &mut violations);
    check_id("counselor_id", &request.counselor_id, &mut violations);
    let bubble_answer = request.bubble_response.and_then(|response| bubble_answer(response, &mut violations));
    if let Some(version_id) = &request.prompt_version_id {
        check_id("prompt_version_id", version_id, &mut violations);
    }
    violations.into_result()?;
    Ok(NewCounsel {
        counsel_id: request.counsel_id,
        counselor_id: request.counselor_id,
        bubble_answer,
        prompt_version_id: request.prompt_version_id,
    })
}

fn bubble_answer(response: BubbleResponse, violations: &mut Violations) -> Option<BubbleAnswer> {
    let BubbleResponse { bubble_id, response_option_no } = response;
    check_id("bubble_id", &bubble_id, violations);
    let option = match response_option_no {
        1 => ResponseOption::First,
        2 => ResponseOption::Second,
        _ => {
            violations.add("response_option_no", "must be 1 or 2");
            return None;
        }
    };
    Some(BubbleAnswer { bubble_id, option })
}

/// Reads a request to say something.
///
/// # Errors
/// [`Error::Invalid`].
pub fn new_message(request: CreateMessageRequest) -> Result<NewMessage, Error> {
    let mut violations = Violations::default();
    check_id("reservation_id", &request.reservation_id, &mut violations);
    let text = MESSAGE.read("message", &request.message, &mut violations);
    violations.into_result()?;
    Ok(NewMessage {
        counselor_id: request.counselor_id,
        counsel_id: request.counsel_id,
        text,
        reservation_id: request.reservation_id,
    })
}

/// Reads a request to react to a message.
///
/// # Errors
/// [`Error::Invalid`].
pub fn new_reaction(request: ReactToMessageRequest) -> Result<NewReaction, Error> {
    let mut violations = Violations::default();
    let kind = known(request.reaction, "reaction", &mut violations);
    violations.into_result()?;
    let kind = kind.ok_or_else(|| Error::internal("a label without a violation is known"))?;
    let ReactToMessageRequest { counselor_id, counsel_id, message_id, .. } = request;
    Ok(NewReaction { counselor_id, counsel_id, message_id, kind })
}

impl From<Pair> for CreateMessageResponse {
    fn from(pair: Pair) -> Self {
        Self {
            created_counsel_message: Some(pair.message.into()),
            counselor_response_message: Some(pair.reply.into()),
        }
    }
}

impl From<Counsel> for v1::Counsel {
    fn from(counsel: Counsel) -> Self {
        Self {
            id: counsel.id,
            counselor_id: counsel.counselor_id,
            user_id: counsel.user_id,
            last_message: counsel.last_message,
            last_chatted_at: counsel.last_chatted_at.map(Into::into),
            prompt_version_id: counsel.prompt_version_id,
            counsel_technique_id: counsel.technique_id,
            counselor_user_relationship_id: counsel.relationship_id,
            created_at: Some(counsel.created_at.into()),
            updated_at: Some(counsel.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<Message> for v1::CounselMessage {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            counsel_id: message.counsel_id,
            message: message.text,
            is_user_message: matches!(message.author, Author::User { .. }),
            reacted_at: message.reaction.map(|reaction| reaction.at.into()),
            reaction: message.reaction.map(|reaction| reaction.kind.into()),
            counsel_technique_id: message.technique_id,
            created_at: Some(message.created_at.into()),
            updated_at: Some(message.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<relationships::entity::Model> for v1::CounselorUserRelationship {
    fn from(row: relationships::entity::Model) -> Self {
        Self {
            id: row.id,
            counselor_id: row.counselor_id,
            user_id: row.user_id,
            rapport: row.rapport,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}
