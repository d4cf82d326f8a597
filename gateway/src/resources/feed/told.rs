//! What a device is told of a fact. Facts hold ids; the rest is asked of the service, on behalf of the user.

use axum::response::sse::Event;
use serde::Serialize;
use shared::proto::v1;
use tonic::Code;
use utoipa::ToSchema;

use crate::App;
use crate::envelope::ApiError;
use crate::events;
use crate::feed::Fact;
use crate::resources::account::{self, Tokens};
use crate::resources::counsels::Counsel;
use crate::resources::messages::{CounselMessage, Nothing};
use crate::session::Session;
use crate::upstream::promised;

/// An event of a feed: `event` is its name, `data` its JSON data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
pub enum FeedEvent {
    /// It is unknown what was missed: read the lists and the tokens again. What comes after this is told.
    Reset(Nothing),
    /// A counsel was opened.
    Counsel(OpenedCounsel),
    /// Something was said, and answered.
    Message(AnsweredMessage),
    /// What was said could not be answered; nothing was spent.
    MessageFailed(FailedMessage),
    /// The user has reacted to a message of the counselor.
    Reaction(Reaction),
    /// The user and a counselor have come closer.
    Rapport(Rapport),
    /// The user's message tokens, as they are now: some were bought or given back, or the allowance is another one.
    Tokens(Tokens),
}

/// A new counsel.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenedCounsel {
    counsel: Counsel,
}

/// A message and its reply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredMessage {
    counsel_id: String,
    counselor_id: String,
    created_counsel_message: CounselMessage,
    counselor_response_message: CounselMessage,
}

/// A message without a reply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedMessage {
    counsel_id: String,
    message_id: String,
}

/// A message with what the user thinks of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    counsel_id: String,
    counsel_message: CounselMessage,
}

/// How close a user and a counselor are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rapport {
    counselor_id: String,
    counselor_user_relationship_id: String,
    /// What it is now.
    rapport: i32,
}

impl From<FeedEvent> for Event {
    fn from(event: FeedEvent) -> Self {
        match event {
            FeedEvent::Reset(data) => events::event("reset", &data),
            FeedEvent::Counsel(data) => events::event("counsel", &data),
            FeedEvent::Message(data) => events::event("message", &data),
            FeedEvent::MessageFailed(data) => events::event("messageFailed", &data),
            FeedEvent::Reaction(data) => events::event("reaction", &data),
            FeedEvent::Rapport(data) => events::event("rapport", &data),
            FeedEvent::Tokens(data) => events::event("tokens", &data),
        }
    }
}

/// What a device is told of a fact; nothing when what the fact is about is gone.
///
/// # Errors
/// When the service does not answer.
pub async fn tell(app: &App, session: &Session, fact: &Fact) -> Result<Option<FeedEvent>, ApiError> {
    Ok(match fact.clone() {
        Fact::CounselCreated { counsel_id, counselor_id } => {
            counsel(app, session, counselor_id, counsel_id).await?.map(FeedEvent::Counsel)
        }
        Fact::MessageCreated { counsel_id, counselor_id, message_id, reply_id } => {
            let ids = [message_id, reply_id];
            messages(app, session, &counsel_id, ids).await?.map(|[said, reply]| {
                FeedEvent::Message(AnsweredMessage {
                    counsel_id,
                    counselor_id,
                    created_counsel_message: said,
                    counselor_response_message: reply,
                })
            })
        }
        Fact::MessageFailed { counsel_id, message_id } => {
            Some(FeedEvent::MessageFailed(FailedMessage { counsel_id, message_id }))
        }
        Fact::MessageReacted { counsel_id, message_id } => messages(app, session, &counsel_id, [message_id])
            .await?
            .map(|[counsel_message]| FeedEvent::Reaction(Reaction { counsel_id, counsel_message })),
        Fact::RapportGrown { counselor_id, relationship_id, rapport } => Some(FeedEvent::Rapport(Rapport {
            counselor_id,
            counselor_user_relationship_id: relationship_id,
            rapport,
        })),
        Fact::TokensChanged => Some(FeedEvent::Tokens(account::tokens(app, session).await?)),
    })
}

async fn counsel(
    app: &App,
    session: &Session,
    counselor_id: String,
    counsel_id: String,
) -> Result<Option<OpenedCounsel>, ApiError> {
    let request = app.upstream.request(session.caller(), v1::GetCounselRequest { counselor_id, counsel_id });
    match app.upstream.counsels().get_counsel(request).await {
        Ok(answer) => {
            let counsel = promised(answer.into_inner().counsel, "counsel")?.try_into()?;
            Ok(Some(OpenedCounsel { counsel }))
        }
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// These messages, in this order, if all of them are there.
async fn messages<const COUNT: usize>(
    app: &App,
    session: &Session,
    counsel_id: &str,
    ids: [String; COUNT],
) -> Result<Option<[CounselMessage; COUNT]>, ApiError> {
    let request =
        v1::BatchGetMessagesRequest { counsel_id: counsel_id.to_owned(), message_ids: ids.to_vec() };
    let request = app.upstream.request(session.caller(), request);
    let mut found = match app.upstream.counsels().batch_get_messages(request).await {
        Ok(answer) => answer.into_inner().counsel_messages,
        Err(status) if status.code() == Code::NotFound => return Ok(None),
        Err(status) => return Err(status.into()),
    };
    let mut messages = Vec::with_capacity(COUNT);
    for id in ids {
        let Some(at) = found.iter().position(|message| message.id == id) else { return Ok(None) };
        messages.push(found.swap_remove(at).try_into()?);
    }
    Ok(messages.try_into().ok())
}
