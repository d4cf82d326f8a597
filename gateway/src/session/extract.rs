//! Who may pass: layers over whole groups of routes, so that no route can forget to ask.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cookies::{self, ACCESS};
use super::{Session, TokenFault};
use crate::App;
use crate::edge::written;
use crate::envelope::ApiError;

/// Lets requests with a good access token pass.
pub async fn signed_in_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match session(&app, request.headers()) {
        Ok(session) => pass(&app, session, request, next).await,
        Err(error) => error.into_response(),
    }
}

/// Lets requests of admins pass.
pub async fn admins_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match session(&app, request.headers()) {
        Ok(session) if session.is_admin => pass(&app, session, request, next).await,
        Ok(_) => {
            ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", "this needs admin authority").into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// Counts the request of a user, and lets it pass.
pub async fn pass(app: &App, session: Session, mut request: Request, next: Next) -> Response {
    match app.rates.take_of_user(&session.user_id) {
        Ok(standing) => {
            request.extensions_mut().insert(session);
            written(standing, next.run(request).await)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The session whose access token came along.
///
/// # Errors
/// 401 with the reason when there is none, or it is not good.
pub fn session(app: &App, headers: &HeaderMap) -> Result<Session, ApiError> {
    let refused =
        |code: &'static str, message: &'static str| ApiError::new(StatusCode::UNAUTHORIZED, code, message);
    let token = match bearer(headers).or_else(|| cookies::read(headers, ACCESS)) {
        Some(token) => token,
        None if cookies::refresh_token(headers).is_some() => {
            return Err(refused(
                "ACCESS_TOKEN_REQUIRED",
                "send an access token; a refresh token only refreshes",
            ));
        }
        None => {
            return Err(refused(
                "COOKIE_NOT_FOUND",
                "send an access token, as a cookie or as a bearer token",
            ));
        }
    };
    let session = app.sessions.verify_access(token).map_err(|fault| match fault {
        TokenFault::Expired => refused("ACCESS_TOKEN_EXPIRED", "the access token has expired"),
        TokenFault::Invalid => refused("ACCESS_TOKEN_INVALID", "the access token is not valid"),
    })?;
    if session.session_id.as_ref().is_some_and(|id| app.revoked.contains(id)) {
        return Err(refused("ACCESS_TOKEN_INVALID", "the session was closed"));
    }
    Ok(session)
}

/// The user whose good access token came along, where none is needed.
pub fn guest_of(app: &App, headers: &HeaderMap) -> Option<String> {
    session(app, headers).ok().map(|session| session.user_id)
}

/// The token of `Authorization: Bearer`. The scheme's name is case-insensitive (RFC 9110, section 11.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session that one of the layers above let pass.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let session = parts.extensions.get::<Self>().cloned();
        session.ok_or_else(|| ApiError::internal(&"a route that needs a session is not behind its layer"))
    }
}
