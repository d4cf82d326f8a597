//! Saying something: a token is reserved, then the counselor is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::proto::v1;
use tonic::{Code, Status};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::App;
use crate::envelope::{Answer, ApiError, Success};
use crate::input::IdempotencyKey;
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
pub struct NewMessages<M> {
    created_counsel_message: M,
    counselor_response_message: M,
}

impl<M: TryFrom<v1::CounselMessage, Error = ApiError>> TryFrom<v1::CreateMessageResponse> for NewMessages<M> {
    type Error = ApiError;

    fn try_from(answer: v1::CreateMessageResponse) -> Result<Self, ApiError> {
        let (said, reply) = (answer.created_counsel_message, answer.counselor_response_message);
        Ok(Self {
            created_counsel_message: promised(said, "created_counsel_message")?.try_into()?,
            counselor_response_message: promised(reply, "counselor_response_message")?.try_into()?,
        })
    }
}

/// Says something in the caller's counsel.
pub(super) async fn create<M: TryFrom<v1::CounselMessage, Error = ApiError>>(
    app: Arc<App>,
    session: Session,
    CounselId { counselor_id, counsel_id }: CounselId,
    key: &IdempotencyKey,
    body: CreateMessage,
) -> Answer<NewMessages<M>> {
    let asked = (&counselor_id, &counsel_id, &body);
    let reservation_id = app.idempotency.id_for(key, &session.user_id, "create_message", &asked).await?;
    let may_be_a_repeat = key.key.is_some();
    let request =
        v1::CreateMessageRequest { counselor_id, counsel_id, message: body.message, reservation_id };
    // A client that goes away must not leave the turn half-way: it is finished in a task of its own.
    let turn = async move { speak(&app, &session, request, may_be_a_repeat).await };
    let turn = tokio::spawn(turn.in_current_span());
    let answer = turn.await.map_err(|error| ApiError::internal(&error))??;
    Ok(Success::created(answer.try_into()?))
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
