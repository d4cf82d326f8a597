//! A reply that is told while it is being said.

use axum::response::Response;
use axum::response::sse::Event;
use futures::{Stream, stream};
use serde::Serialize;
use shared::proto::v1;
use shared::proto::v1::stream_message_response::Part;
use tonic::Streaming;
use utoipa::ToSchema;

use super::create::{NewMessages, Turn};
use crate::envelope::{ApiError, Envelope, ErrorEnvelope, Success};
use crate::events;

/// An event of a reply: `event` is its name, `data` its JSON data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
pub enum ReplyEvent<M> {
    /// What the counselor said next.
    Delta(Delta),
    /// What was said so far does not count: the reply begins again.
    Restart(Nothing),
    /// The end: the answer, as it comes without events.
    Message(Envelope<NewMessages<M>>),
    /// The end of a reply that failed.
    Error(ErrorEnvelope),
}

/// A piece of a reply.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delta {
    text: String,
}

/// Nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nothing {}

impl<M: Serialize> From<ReplyEvent<M>> for Event {
    fn from(event: ReplyEvent<M>) -> Self {
        match event {
            ReplyEvent::Delta(data) => events::event("delta", &data),
            ReplyEvent::Restart(data) => events::event("restart", &data),
            ReplyEvent::Message(data) => events::event("message", &data),
            ReplyEvent::Error(data) => events::event("error", &data),
        }
    }
}

/// Says something in the caller's counsel, and tells the reply as it comes. What is refused before the counselor begins
/// is answered as without events.
///
/// A client that goes away loses nothing: the service finishes the reply, and its token is settled by that.
pub(super) async fn stream<M>(turn: Turn) -> Result<Response, ApiError>
where
    M: TryFrom<v1::CounselMessage, Error = ApiError> + Serialize + Send + 'static,
{
    let keep_alive = turn.app().keep_alive;
    let reply = turn.take(|mut counsels, request| async move {
        let request = request.map(|message| v1::StreamMessageRequest { message: Some(message) });
        counsels.stream_message(request).await
    });
    Ok(events::answer_alive(told::<M>(reply.await?), keep_alive))
}

/// Tells a reply to its end.
fn told<M>(reply: Streaming<v1::StreamMessageResponse>) -> impl Stream<Item = Event>
where
    M: TryFrom<v1::CounselMessage, Error = ApiError> + Serialize,
{
    stream::unfold(Some(reply), |reply| async {
        let mut reply = reply?;
        let event =
            next::<M>(&mut reply).await.unwrap_or_else(|error| ReplyEvent::Error(error.into_envelope()));
        let is_last = matches!(event, ReplyEvent::Message(_) | ReplyEvent::Error(_));
        Some((event.into(), (!is_last).then_some(reply)))
    })
}

async fn next<M>(reply: &mut Streaming<v1::StreamMessageResponse>) -> Result<ReplyEvent<M>, ApiError>
where
    M: TryFrom<v1::CounselMessage, Error = ApiError>,
{
    while let Some(response) = reply.message().await? {
        match response.part {
            Some(Part::Delta(text)) => return Ok(ReplyEvent::Delta(Delta { text })),
            Some(Part::Restart(_)) => return Ok(ReplyEvent::Restart(Nothing {})),
            Some(Part::Messages(messages)) => {
                return Ok(ReplyEvent::Message(Success::created(messages.try_into()?).into_envelope()));
            }
            // What a newer service may say besides.
            None => {}
        }
    }
    Err(ApiError::internal(&"a reply ended without its messages"))
}
