//! `SessionService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::proto::v1::session_service_server::SessionService;
use shared::proto::v1::{
    self, CloseAllSessionsRequest, CloseAllSessionsResponse, CloseSessionRequest, CloseSessionResponse,
    ListSessionsRequest, ListSessionsResponse, OpenSessionRequest, OpenSessionResponse,
    RotateRefreshTokenRequest, RotateRefreshTokenResponse, VerifyRefreshTokenRequest,
    VerifyRefreshTokenResponse,
};
use shared::time::{Clock, Timestamp};
use shared::{Error, Violations, id};
use tonic::{Request, Response, Status};

use super::commands::{NewSession, SessionCommands};
use super::domain::Session;
use super::queries::SessionQueries;
use crate::text::check_text;

/// Longer than any refresh token, in bytes.
const LONGEST_TOKEN: usize = 4096;
/// The longest name of a device, in bytes.
const LONGEST_DEVICE: usize = 200;

/// Answers `SessionService`.
pub struct SessionGrpc {
    commands: SessionCommands,
    queries: SessionQueries,
}

impl SessionGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: SessionCommands::new(database.clone(), clock.clone()),
            queries: SessionQueries::new(database.clone(), clock.clone()),
        }
    }
}

#[tonic::async_trait]
impl SessionService for SessionGrpc {
    async fn open_session(
        &self,
        request: Request<OpenSessionRequest>,
    ) -> Result<Response<OpenSessionResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        id::check_id("session_id", &request.session_id, &mut violations);
        check_text("refresh_token", &request.refresh_token, LONGEST_TOKEN, &mut violations);
        if !request.device.is_empty() {
            check_text("device", &request.device, LONGEST_DEVICE, &mut violations);
        }
        let expires_at = request.expires_at.map(Timestamp::from);
        let expires_at = future("expires_at", expires_at, self.commands.now(), violations)?;
        let OpenSessionRequest { user_id, session_id, refresh_token, device, .. } = request;
        self.commands.open(NewSession { id: session_id, user_id, refresh_token, expires_at, device }).await?;
        Ok(Response::new(OpenSessionResponse {}))
    }

    async fn verify_refresh_token(
        &self,
        request: Request<VerifyRefreshTokenRequest>,
    ) -> Result<Response<VerifyRefreshTokenResponse>, Status> {
        let request = request.into_inner();
        let (user, session_id) = self.queries.verify(&request.user_id, &request.refresh_token).await?;
        Ok(Response::new(VerifyRefreshTokenResponse { auth_user: Some(user.into()), session_id }))
    }

    async fn rotate_refresh_token(
        &self,
        request: Request<RotateRefreshTokenRequest>,
    ) -> Result<Response<RotateRefreshTokenResponse>, Status> {
        let request = request.into_inner();
        let (old, new) = (&request.old_refresh_token, &request.new_refresh_token);
        let mut violations = Violations::default();
        check_text("new_refresh_token", new, LONGEST_TOKEN, &mut violations);
        violations.check(old != new, "new_refresh_token", "must differ from the old one");
        let expires_at = request.new_expires_at.map(Timestamp::from);
        let expires_at = future("new_expires_at", expires_at, self.commands.now(), violations)?;
        let user = self.commands.rotate(&request.user_id, old, new, expires_at).await?;
        Ok(Response::new(RotateRefreshTokenResponse { auth_user: Some(user.into()) }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let sessions = self.queries.list(caller.user_id()?).await?;
        let sessions = sessions.into_iter().map(v1::Session::from).collect();
        Ok(Response::new(ListSessionsResponse { sessions }))
    }

    async fn close_session(
        &self,
        request: Request<CloseSessionRequest>,
    ) -> Result<Response<CloseSessionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let session_id = request.into_inner().session_id;
        let mut violations = Violations::default();
        check_text("session_id", &session_id, 64, &mut violations);
        violations.into_result()?;
        self.commands.close(caller.user_id()?, &session_id).await?;
        Ok(Response::new(CloseSessionResponse {}))
    }

    async fn close_all_sessions(
        &self,
        request: Request<CloseAllSessionsRequest>,
    ) -> Result<Response<CloseAllSessionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let session_ids = self.commands.close_all(caller.user_id()?).await?;
        Ok(Response::new(CloseAllSessionsResponse { session_ids }))
    }
}

/// The last check of a request: a time that has to be there and in the future.
fn future(
    field: &'static str,
    at: Option<Timestamp>,
    now: Timestamp,
    mut violations: Violations,
) -> Result<Timestamp, Error> {
    match at {
        Some(at) if at > now && violations.is_empty() => Ok(at),
        Some(at) if at > now => Err(Error::Invalid(violations)),
        _ => {
            violations.add(field, "must be a time in the future");
            Err(Error::Invalid(violations))
        }
    }
}

impl From<Session> for v1::Session {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            device: session.device,
            created_at: Some(session.created_at.into()),
            last_used_at: Some(session.last_used_at.into()),
            expires_at: Some(session.expires_at.into()),
        }
    }
}
