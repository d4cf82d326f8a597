//! Where the caller is signed in, and signing out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{IsSuccess, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Ids, PathIds};
use crate::session::{Session, SessionCookies, clear_cookies};
use crate::upstream::promised;

/// A device on which the caller is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub struct DeviceSession {
    id: String,
    /// What the device said it is: a browser's `User-Agent`, for example. May be empty.
    device: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// When it last got new tokens. RFC 3339, UTC.
    last_used_at: String,
    /// When it ends if it is not used. RFC 3339, UTC.
    expires_at: String,
    /// Whether this request belongs to it.
    is_current: bool,
}

/// The devices, the last used first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceSessions {
    sessions: Vec<DeviceSession>,
}

/// Which session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SessionId {
    #[serde(rename = "session-id")]
    session_id: String,
}

impl PathIds for SessionId {}

/// Where the caller is signed in.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    tag = "auth",
    responses((status = 200, body = Envelope<DeviceSessions>), Errors)
)]
pub async fn list_sessions(State(app): State<Arc<App>>, session: Session) -> Answer<DeviceSessions> {
    let list = app.upstream.request(session.caller(), v1::ListSessionsRequest {});
    let listed = app.upstream.sessions().list_sessions(list).await?.into_inner().sessions;
    let told = |found: v1::Session| {
        Ok::<_, ApiError>(DeviceSession {
            is_current: session.session_id.as_ref() == Some(&found.id),
            id: found.id,
            device: found.device,
            created_at: rfc3339(promised(found.created_at, "created_at")?),
            last_used_at: rfc3339(promised(found.last_used_at, "last_used_at")?),
            expires_at: rfc3339(promised(found.expires_at, "expires_at")?),
        })
    };
    let sessions = listed.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok(Success::ok(DeviceSessions { sessions }))
}

/// Signs the caller out on one device: its tokens are worth nothing from then on.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{session-id}",
    tag = "auth",
    params(SessionId),
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn close_session(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(SessionId { session_id }): Ids<SessionId>,
) -> Answer<IsSuccess> {
    close(&app, &session, session_id).await?;
    Ok(Success::ok(IsSuccess::yes()))
}

/// Signs the caller out here, and takes the cookies away. A guest, who has no session to close, only loses the cookies.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn logout(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
) -> Result<(HeaderMap, Success<IsSuccess>), ApiError> {
    if let Some(session_id) = session.session_id.clone() {
        close(&app, &session, session_id).await?;
    }
    without_cookies(&headers)
}

/// Signs the caller out everywhere, and takes the cookies away.
#[utoipa::path(
    post,
    path = "/auth/logout-all",
    tag = "auth",
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn logout_all(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
) -> Result<(HeaderMap, Success<IsSuccess>), ApiError> {
    let close_all = app.upstream.request(session.caller(), v1::CloseAllSessionsRequest {});
    let closed = app.upstream.sessions().close_all_sessions(close_all).await?.into_inner();
    app.revoked.add(&closed.session_ids).await;
    without_cookies(&headers)
}

async fn close(app: &App, session: &Session, session_id: String) -> Result<(), ApiError> {
    let close = v1::CloseSessionRequest { session_id: session_id.clone() };
    app.upstream.sessions().close_session(app.upstream.request(session.caller(), close)).await?;
    app.revoked.add(&[session_id]).await;
    Ok(())
}

/// Takes the cookies away, and says that it is done.
///
/// # Errors
/// Never: the cookies are ASCII.
pub fn without_cookies(headers: &HeaderMap) -> Result<(HeaderMap, Success<IsSuccess>), ApiError> {
    let mut set = HeaderMap::new();
    clear_cookies(SessionCookies::for_host(headers), &mut set)?;
    Ok((set, Success::ok(IsSuccess::yes())))
}
