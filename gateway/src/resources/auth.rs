//! Sign-in of guests, and new tokens for old ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use shared::auth::Caller;
use shared::id;
use shared::proto::v1::{
    AuthChannel, AuthUser, Authority, InitializeUserRequest, RotateRefreshTokenRequest,
    SaveRefreshTokenRequest, VerifyRefreshTokenRequest,
};

use crate::App;
use crate::envelope::{ApiError, Envelope, Errors, Success};
use crate::session::{
    SessionCookies, Token, TokenFault, TokenResponse, clear_refresh_cookies, refresh_token,
};
use crate::upstream::promised;

impl App {
    /// Tokens of a new session.
    ///
    /// # Errors
    /// When user-svc does not keep it.
    pub async fn open_session(&self, user: &AuthUser) -> Result<(Token, Token), ApiError> {
        let (access, refresh) = (self.sessions.access(user)?, self.sessions.refresh(user)?);
        let save = SaveRefreshTokenRequest {
            user_id: user.user_id.clone(),
            refresh_token: refresh.text.clone(),
            expires_at: Some(refresh.expires_at.into()),
        };
        self.upstream.auth_users().save_refresh_token(self.upstream.request(Caller::Gateway, save)?).await?;
        Ok((access, refresh))
    }
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
    app.upstream.users().initialize_user(app.upstream.request(Caller::Gateway, request)?).await?;
    let guest = AuthUser {
        user_id,
        auth_channel: AuthChannel::Unlinked.into(),
        authority: Authority::User.into(),
        ..AuthUser::default()
    };
    let access = app.sessions.access(&guest)?;
    let cookies = SessionCookies::for_host(&headers);
    let mut set = HeaderMap::new();
    cookies.set(&mut set, &access, None)?;
    clear_refresh_cookies(cookies, &mut set)?;
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

/// Exchanges the refresh token of the cookie `refreshToken` for two new tokens. The old one is then worth nothing.
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
    let verified = app
        .upstream
        .auth_users()
        .verify_refresh_token(app.upstream.request(Caller::Gateway, verify)?)
        .await?;
    let user = promised(verified.into_inner().auth_user, "auth_user")?;
    let (access, refresh) = (app.sessions.access(&user)?, app.sessions.refresh(&user)?);
    let rotate = RotateRefreshTokenRequest {
        user_id,
        old_refresh_token: old.to_owned(),
        new_refresh_token: refresh.text.clone(),
        new_expires_at: Some(refresh.expires_at.into()),
    };
    app.upstream.auth_users().rotate_refresh_token(app.upstream.request(Caller::Gateway, rotate)?).await?;

    let mut set = HeaderMap::new();
    SessionCookies::for_host(&headers).set(&mut set, &access, Some(&refresh))?;
    Ok((set, Success::ok(TokenResponse::new(&access, Some(&refresh)))))
}
