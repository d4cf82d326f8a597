//! Sign-in of guests, and new tokens for old ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use shared::auth::Caller;
use shared::error::REFRESH_TOKEN_REUSED;
use shared::id;
use shared::proto::v1::{
    AuthChannel, AuthUser, Authority, InitializeUserRequest, OpenSessionRequest, RotateRefreshTokenRequest,
    VerifyRefreshTokenRequest,
};

use tonic_types::StatusExt;

use crate::App;
use crate::envelope::{ApiError, Envelope, Errors, Success};
use crate::measure;
use crate::session::{
    SessionCookies, Token, TokenFault, TokenResponse, clear_refresh_cookies, refresh_token,
};
use crate::upstream::promised;

impl App {
    /// Tokens of a new session on the device that sent these headers.
    ///
    /// # Errors
    /// When user-svc does not keep it.
    pub async fn open_session(
        &self,
        user: &AuthUser,
        headers: &HeaderMap,
    ) -> Result<(Token, Token), ApiError> {
        let session_id = id::new_id();
        let access = self.sessions.access(user, Some(&session_id))?;
        let refresh = self.sessions.refresh(user, &session_id)?;
        let open = OpenSessionRequest {
            user_id: user.user_id.clone(),
            session_id,
            refresh_token: refresh.text.clone(),
            expires_at: Some(refresh.expires_at.into()),
            device: device(headers),
        };
        self.upstream.sessions().open_session(self.upstream.request(Caller::Gateway, open)).await?;
        Ok((access, refresh))
    }
}

/// What a client says it is, as far as a list can show it.
fn device(headers: &HeaderMap) -> String {
    let told = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    told.chars().filter(|char| !char.is_control()).take(200).collect()
}

/// Makes a new guest and signs it in.
///
/// Sets the cookies `accessToken` and `accessTokenExpiresAt`, and takes those of a refresh token away.
#[utoipa::path(
    post,
    path = "/auth/initiate",
    tag = "auth",
    security(()),
    responses((status = 200, body = Envelope<TokenResponse>), Errors)
)]
pub async fn initiate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Success<TokenResponse>), ApiError> {
    let user_id = id::new_id();
    let request = InitializeUserRequest { user_id: user_id.clone() };
    app.upstream.users().initialize_user(app.upstream.request(Caller::Gateway, request)).await?;
    let guest = AuthUser {
        user_id,
        auth_channel: AuthChannel::Unlinked.into(),
        authority: Authority::User.into(),
        ..AuthUser::default()
    };
    let access = app.sessions.access(&guest, None)?;
    let cookies = SessionCookies::for_host(&headers);
    let mut set = HeaderMap::new();
    cookies.set(&mut set, &access, None)?;
    clear_refresh_cookies(cookies, &mut set)?;
    measure::sign_in("guest", true);
    Ok((set, Success::ok(TokenResponse::new(&access, None))))
}

/// The keys by which others verify access tokens (JWK set, RFC 7517); empty where tokens are signed with a secret.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "auth",
    security(()),
    responses((status = 200, body = Object))
)]
pub async fn get_keys(State(app): State<Arc<App>>) -> Json<Value> {
    Json(app.sessions.keys().jwks().clone())
}

/// Exchanges the refresh token of the cookie `refreshToken` for two new tokens. The old one is then worth nothing, but
/// for ten seconds at least in which a client whose answer was lost may send it again. Sent a minute later, it closes the
/// session: somebody else has it too.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    security(("refreshCookie" = [])),
    responses((status = 200, body = Envelope<TokenResponse>), Errors)
)]
pub async fn refresh(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Success<TokenResponse>), ApiError> {
    let refused =
        |code: &'static str, message: &'static str| ApiError::new(StatusCode::UNAUTHORIZED, code, message);
    let old = refresh_token(&headers).ok_or_else(|| {
        refused("REFRESH_TOKEN_REQUIRED", "send the refresh token as the cookie refreshToken")
    })?;
    let user_id = app.sessions.verify_refresh(old).map_err(|fault| match fault {
        TokenFault::Expired => refused("REFRESH_TOKEN_EXPIRED", "the refresh token has expired"),
        TokenFault::Invalid => refused("REFRESH_TOKEN_INVALID", "the refresh token is not valid"),
    })?;

    // Authority and channel as they are now, not as they were a month ago.
    let verify = VerifyRefreshTokenRequest { user_id: user_id.clone(), refresh_token: old.to_owned() };
    let mut upstream = app.upstream.sessions();
    let verify = app.upstream.request(Caller::Gateway, verify);
    let verified = upstream.verify_refresh_token(verify).await?.into_inner();
    let (user, session_id) = (promised(verified.auth_user, "auth_user")?, verified.session_id);
    let access = app.sessions.access(&user, Some(&session_id))?;
    let refresh = app.sessions.refresh(&user, &session_id)?;
    let rotate = RotateRefreshTokenRequest {
        user_id,
        old_refresh_token: old.to_owned(),
        new_refresh_token: refresh.text.clone(),
        new_expires_at: Some(refresh.expires_at.into()),
    };
    let rotate = app.upstream.request(Caller::Gateway, rotate);
    if let Err(status) = upstream.rotate_refresh_token(rotate).await {
        let reason = status.get_details_error_info().map(|info| info.reason);
        if reason.as_deref() == Some(REFRESH_TOKEN_REUSED) {
            app.revoked.add(&[session_id]).await;
            return Err(refused(
                "REFRESH_TOKEN_NOT_FOUND",
                "the refresh token was used before; sign in again",
            ));
        }
        return Err(status.into());
    }

    let mut set = HeaderMap::new();
    SessionCookies::for_host(&headers).set(&mut set, &access, Some(&refresh))?;
    Ok((set, Success::ok(TokenResponse::new(&access, Some(&refresh)))))
}
