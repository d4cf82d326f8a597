//! Saying something: a token is reserved, then the counselor is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::mesh::MeshChannel;
use shared::proto::v1;
use shared::proto::v1::counsel_service_client::CounselServiceClient;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::App;
use crate::envelope::{Answer, ApiError, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::IdempotencyKey;
use crate::resources::counsels::CounselId;
use crate::session::Session;
use crate::upstream::{Upstream, promised};

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

/// Says something in the caller's counsel, and waits for the reply.
pub(super) async fn create<M>(turn: Turn) -> Answer<NewMessages<M>>
where
    M: TryFrom<v1::CounselMessage, Error = ApiError>,
{
    let answer = turn.take(|mut counsels, request| async move { counsels.create_message(request).await });
    Ok(Success::created(answer.await?.try_into()?))
}

/// A message that is about to be said, and paid for.
pub(super) struct Turn {
    app: Arc<App>,
    session: Session,
    message: v1::CreateMessageRequest,
    may_be_a_repeat: bool,
}

impl Turn {
    /// Finds out whether it is a repeat, if the client says so.
    pub(super) async fn new(
        app: Arc<App>,
        session: Session,
        CounselId { counselor_id, counsel_id }: CounselId,
        key: &IdempotencyKey,
        body: CreateMessage,
    ) -> Result<Self, ApiError> {
        let asked = (&counselor_id, &counsel_id, &body);
        let reservation_id = id_for(&app.upstream, &session, key, Operation::CreateMessage, &asked).await?;
        let message =
            v1::CreateMessageRequest { counselor_id, counsel_id, message: body.message, reservation_id };
        Ok(Self { app, session, message, may_be_a_repeat: key.key.is_some() })
    }

    /// The gateway that it came to.
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Reserves a token, and says the message by the call `say`.
    ///
    /// A client that goes away must not leave the turn half-way: it is taken in a task of its own.
    pub(super) async fn take<T, Said>(
        self,
        say: impl FnOnce(CounselServiceClient<MeshChannel>, Request<v1::CreateMessageRequest>) -> Said
        + Send
        + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        Said: Future<Output = Result<Response<T>, Status>> + Send,
    {
        let turn = async move {
            let Self { app, session, message, may_be_a_repeat } = self;
            let (upstream, caller) = (&app.upstream, session.caller());
            let (user_id, reservation_id) = (session.user_id, message.reservation_id.clone());
            let reserve =
                v1::ReserveTokensRequest { user_id: user_id.clone(), reservation_id: reservation_id.clone() };
            let reserve = upstream.request(caller.clone(), reserve);
            upstream.message_tokens().reserve_tokens(reserve).await?;

            let request = upstream.request_within(app.request_timeout, caller.clone(), message);
            match say(upstream.counsels(), request).await {
                Ok(answer) => Ok(answer.into_inner()),
                Err(refusal) => {
                    // A repeat shares its reservation with the first request, whose message may still settle it, unless
                    // no request like this can be taken. Otherwise the token goes back by expiry if nothing settles it.
                    let is_over = if may_be_a_repeat { is_hopeless(&refusal) } else { was_refused(&refusal) };
                    if is_over {
                        let release = v1::ReleaseTokensRequest { user_id, reservation_id };
                        release_tokens(upstream, upstream.request(caller, release)).await;
                    }
                    Err(refusal.into())
                }
            }
        };
        tokio::spawn(turn.in_current_span()).await.map_err(|error| ApiError::internal(&error))?
    }
}

async fn release_tokens(upstream: &Upstream, release: Request<v1::ReleaseTokensRequest>) {
    if let Err(status) = upstream.message_tokens().release_tokens(release).await {
        tracing::warn!(code = ?status.code(), "a token was not given back; it is when it expires");
    }
}

/// Whether every request with the same content is refused, so that none of those that share a reservation is taken.
fn is_hopeless(status: &Status) -> bool {
    matches!(status.code(), Code::InvalidArgument | Code::NotFound | Code::PermissionDenied)
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
