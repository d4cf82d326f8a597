//! Messages of a counsel.

mod create;
mod routes;
mod stream;

pub use routes::{admin, own};
use serde::{Deserialize, Serialize};
use shared::proto::v1;
pub use stream::Nothing;
use utoipa::{IntoParams, ToSchema};

use super::counsels::CounselId;
use crate::App;
use crate::dto::{self, Times, api_enum, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Success};
use crate::input::{PageQuery, PathIds};
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

/// A message as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessageForAdmin {
    #[serde(flatten)]
    message: CounselMessage,
    /// The technique that the counsel was in.
    counsel_technique_id: String,
}

impl TryFrom<v1::CounselMessage> for CounselMessageForAdmin {
    type Error = ApiError;

    fn try_from(mut message: v1::CounselMessage) -> Result<Self, ApiError> {
        let counsel_technique_id = std::mem::take(&mut message.counsel_technique_id);
        Ok(Self { message: message.try_into()?, counsel_technique_id })
    }
}

/// Messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessages<M> {
    counsel_messages: Vec<M>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselMessageData<M> {
    counsel_message: M,
}

/// Which end of a counsel comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

/// In which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// `asc`, the oldest first, if it is left out. A cursor belongs to the order that it was given in.
    #[param(inline)]
    order: Option<Order>,
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

/// The messages of a counsel.
async fn list<M: TryFrom<v1::CounselMessage, Error = ApiError>>(
    app: &App,
    session: &Session,
    CounselId { counselor_id, counsel_id }: CounselId,
    MessagesQuery { order }: MessagesQuery,
    page: PageQuery,
) -> Answer<CounselMessages<M>> {
    let newest_first = order.unwrap_or_default() == Order::Desc;
    let request = v1::ListMessagesRequest { counselor_id, counsel_id, page: page.request(), newest_first };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counsels().list_messages(request).await?.into_inner();
    Ok(Success::ok(CounselMessages {
        counsel_messages: dto::all(answer.counsel_messages)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// Notes what the caller thinks of a message.
async fn react<M: TryFrom<v1::CounselMessage, Error = ApiError>>(
    app: &App,
    session: &Session,
    MessageId { counselor_id, counsel_id, message_id }: MessageId,
    React { reaction }: React,
) -> Answer<CounselMessageData<M>> {
    let request =
        v1::ReactToMessageRequest { counselor_id, counsel_id, message_id, reaction: i32::from(reaction) };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counsels().react_to_message(request).await?.into_inner();
    let counsel_message = promised(answer.counsel_message, "counsel_message")?.try_into()?;
    Ok(Success::ok(CounselMessageData { counsel_message }))
}
