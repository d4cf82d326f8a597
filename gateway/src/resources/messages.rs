//! Messages of a counsel.

mod create;

use std::sync::Arc;

use axum::extract::State;
pub use create::{__path_create_message, create_message};
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::counsels::CounselId;
use crate::App;
use crate::dto::{self, Times, api_enum, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PathIds};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// What a user thinks of a counselor's message.
    CounselMessageReaction {
        Like = "COUNSEL_MESSAGE_REACTION_LIKE",
        Dislike = "COUNSEL_MESSAGE_REACTION_DISLIKE",
    }
}

/// Something that was said in a counsel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessage {
    id: String,
    counsel_id: String,
    message: String,
    /// Whether the user said it; the counselor did otherwise.
    is_user_message: bool,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    reacted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reaction: Option<CounselMessageReaction>,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::CounselMessage> for CounselMessage {
    type Error = ApiError;

    fn try_from(message: v1::CounselMessage) -> Result<Self, ApiError> {
        Ok(Self {
            id: message.id,
            counsel_id: message.counsel_id,
            message: message.message,
            is_user_message: message.is_user_message,
            reacted_at: message.reacted_at.map(rfc3339),
            reaction: message.reaction.and_then(CounselMessageReaction::of),
            times: Times::new(message.created_at, message.updated_at, message.deleted_at)?,
        })
    }
}

/// Messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessages {
    counsel_messages: Vec<CounselMessage>,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessageData {
    counsel_message: CounselMessage,
}

/// The messages of a counsel, oldest first.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages",
    tag = "counsels",
    params(CounselId),
    responses((status = 200, body = Envelope<CounselMessages>), Errors)
)]
pub async fn list_messages(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselId { counselor_id, counsel_id }): Ids<CounselId>,
) -> Answer<CounselMessages> {
    let request = app.upstream.request(
        session.caller(),
        v1::ListMessagesRequest { counselor_id, counsel_id, ..Default::default() },
    )?;
    let answer = app.upstream.counsels().list_messages(request).await?.into_inner();
    Ok(Success::ok(CounselMessages { counsel_messages: dto::all(answer.counsel_messages)? }))
}

/// The path of a message.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MessageId {
    #[serde(rename = "counselor-id")]
    counselor_id: String,
    #[serde(rename = "counsel-id")]
    counsel_id: String,
    #[serde(rename = "message-id")]
    message_id: String,
}

impl PathIds for MessageId {}

/// What a user thinks of a message.
#[derive(Debug, Deserialize, ToSchema)]
pub struct React {
    reaction: CounselMessageReaction,
}

/// Reacts to a message of the counselor; a later reaction replaces an earlier one.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages/{message-id}/react",
    tag = "counsels",
    params(MessageId),
    request_body = React,
    responses((status = 200, body = Envelope<CounselMessageData>), Errors)
)]
pub async fn react_to_message(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(MessageId { counselor_id, counsel_id, message_id }): Ids<MessageId>,
    Body(React { reaction }): Body<React>,
) -> Answer<CounselMessageData> {
    let request =
        v1::ReactToMessageRequest { counselor_id, counsel_id, message_id, reaction: i32::from(reaction) };
    let request = app.upstream.request(session.caller(), request)?;
    let answer = app.upstream.counsels().react_to_message(request).await?.into_inner();
    let counsel_message = promised(answer.counsel_message, "counsel_message")?.try_into()?;
    Ok(Success::ok(CounselMessageData { counsel_message }))
}
