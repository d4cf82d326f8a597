//! Saying something: a token is reserved, then the counselor is asked.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use tonic::{Code, Status};
use tracing::Instrument;
use utoipa::ToSchema;

use super::CounselMessage;
use crate::App;
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, IdempotencyKey, Ids};
use crate::resources::counsels::CounselId;
use crate::session::Session;
use crate::upstream::promised;

/// What the user says.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateMessage {
    #[schema(min_length = 1, max_length = 2000, example = "요즘 잠을 잘 못 자요.")]
    message: String,
}

/// What was said, and what the counselor answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMessages {
    created_counsel_message: CounselMessage,
    counselor_response_message: CounselMessage,
}

/// Says something in a counsel; the answer holds the counselor's reply. Spends one message token.
///
/// While the counselor is answering another message is refused with 429. A repeat with the same `Idempotency-Key`
/// returns the first one's messages and spends nothing.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages",
    tag = "counsels",
    params(CounselId, IdempotencyKey),
    request_body = CreateMessage,
    responses((status = 201, body = Envelope<NewMessages>), Errors)
)]
pub async fn create_message(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselId { counselor_id, counsel_id }): Ids<CounselId>,
    key: IdempotencyKey,
    Body(body): Body<CreateMessage>,
) -> Answer<NewMessages> {
    let asked = (&counselor_id, &counsel_id, &body);
    let reservation_id = app.idempotency.id_for(&key, &session.user_id, "create_message", &asked).await?;
    let may_be_a_repeat = key.key.is_some();
    let request =
        v1::CreateMessageRequest { counselor_id, counsel_id, message: body.message, reservation_id };
    // A client that goes away must not leave the turn half-way: it is finished in a task of its own.
    let turn = async move { speak(&app, &session, request, may_be_a_repeat).await };
    let turn = tokio::spawn(turn.in_current_span());
    let answer = turn.await.map_err(|error| ApiError::internal(&error))??;
    Ok(Success::created(NewMessages {
        created_counsel_message: promised(answer.created_counsel_message, "created_counsel_message")?
            .try_into()?,
        counselor_response_message: promised(
            answer.counselor_response_message,
            "counselor_response_message",
        )?
        .try_into()?,
    }))
}

async fn speak(
    app: &App,
    session: &Session,
    message: v1::CreateMessageRequest,
    may_be_a_repeat: bool,
) -> Result<v1::CreateMessageResponse, ApiError> {
    let upstream = &app.upstream;
    let (user_id, reservation_id) = (session.user_id.clone(), message.reservation_id.clone());
    let reserve =
        v1::ReserveTokensRequest { user_id: user_id.clone(), reservation_id: reservation_id.clone() };
    upstream.message_tokens().reserve_tokens(upstream.request(session.caller(), reserve)?).await?;

    let request = upstream.request_within(app.request_timeout, session.caller(), message)?;
    match upstream.counsels().create_message(request).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(refusal) => {
            // A repeat shares its reservation with the first request, whose message may still settle it. Its token
            // goes back by expiry if nothing does.
            if !may_be_a_repeat && was_refused(&refusal) {
                let release = v1::ReleaseTokensRequest { user_id, reservation_id };
                let release = upstream.request(session.caller(), release)?;
                if let Err(status) = upstream.message_tokens().release_tokens(release).await {
                    tracing::warn!(code = ?status.code(), "a token was not given back; it is when it expires");
                }
            }
            Err(refusal.into())
        }
    }
}

/// Whether the message was certainly not taken. Where that is open, the events decide about the token, or its expiry.
fn was_refused(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => false,
    }
}
