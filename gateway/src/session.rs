//! Access and refresh tokens: JWT (RFC 7519) with the claims of the contract.

mod cookies;
mod extract;
mod keys;
mod revoked;

use std::time::Duration;

pub(crate) use cookies::read as read_cookie;
pub use cookies::{
    SessionCookies, append as append_cookie, clear_cookies, clear_refresh_cookies, refresh_token,
};
pub use extract::{admins_only, bearer, guest_of, pass, session, signed_in_only};
use jsonwebtoken::errors::ErrorKind;
pub use keys::{SessionKeySettings, SessionKeys};
pub use revoked::RevokedSessions;
use serde::{Deserialize, Serialize};
use shared::auth::Caller;
use shared::id;
use shared::proto::v1::{AuthChannel, AuthUser, Authority};
use shared::time::{Clock, Timestamp};
use shared::token_cache::TokenCache;
use utoipa::ToSchema;

use crate::envelope::ApiError;

const ACCESS_LIFETIME: Duration = Duration::from_secs(86_400);
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user's id.
    pub user_id: String,
    /// Whether the user has admin authority.
    pub is_admin: bool,
    /// When the access token expires.
    pub expires_at: Timestamp,
    /// The session that the token belongs to; guests have none.
    pub session_id: Option<String>,
}

impl Session {
    /// How long the access token is still good.
    pub fn time_left(&self) -> Duration {
        let left = self.expires_at.as_micros() - Clock::system().now().as_micros();
        Duration::from_micros(u64::try_from(left).unwrap_or_default())
    }

    /// On whose behalf the services are called.
    pub fn caller(&self) -> Caller {
        if self.is_admin { Caller::Admin(self.user_id.clone()) } else { Caller::User(self.user_id.clone()) }
    }
}

/// The two kinds of token are not interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Access,
    Refresh,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    id: String,
    auth_channel: String,
    authority: String,
    typ: Kind,
    /// The session; absent for guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Makes two tokens of the same second differ, so that a rotated one is a new one.
    jti: String,
    iat: i64,
    exp: i64,
}

/// A signed token.
#[derive(Clone, Debug)]
pub struct Token {
    pub(crate) text: String,
    pub(crate) expires_at: Timestamp,
}

/// The tokens of a session, as the contract names them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    /// For the header `Authorization: Bearer`; also in the cookie of this name.
    access_token: String,
    /// Absent for guests; also in the cookie of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// RFC 3339, UTC.
    access_token_expires_at: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_at: Option<String>,
}

impl TokenResponse {
    /// Tells a client its tokens.
    pub fn new(access: &Token, refresh: Option<&Token>) -> Self {
        Self {
            access_token: access.text.clone(),
            refresh_token: refresh.map(|token| token.text.clone()),
            access_token_expires_at: access.expires_at.to_rfc3339(),
            refresh_token_expires_at: refresh.map(|token| token.expires_at.to_rfc3339()),
        }
    }
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It was, until it expired.
    Expired,
    /// It never was.
    Invalid,
}

/// Signs and verifies tokens.
pub struct Sessions {
    keys: SessionKeys,
    clock: Clock,
    verified: TokenCache<String, Session>,
}

impl Sessions {
    /// With the gateway's keys. So many access tokens that were found good are not verified again when they come back.
    ///
    /// # Errors
    /// When a key is none.
    pub fn new(settings: &SessionKeySettings, remembered: usize) -> Result<Self, shared::Error> {
        let (keys, verified) = (SessionKeys::new(settings)?, TokenCache::new(remembered));
        Ok(Self { keys, clock: Clock::system(), verified })
    }

    /// The keys by which others verify tokens.
    pub fn keys(&self) -> &SessionKeys {
        &self.keys
    }

    /// An access token, good for a day.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn access(&self, user: &AuthUser, session_id: Option<&str>) -> Result<Token, ApiError> {
        self.sign(user, session_id, Kind::Access, ACCESS_LIFETIME)
    }

    /// A refresh token, good for thirty days.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn refresh(&self, user: &AuthUser, session_id: &str) -> Result<Token, ApiError> {
        self.sign(user, Some(session_id), Kind::Refresh, REFRESH_LIFETIME)
    }

    fn sign(
        &self,
        user: &AuthUser,
        session_id: Option<&str>,
        typ: Kind,
        lifetime: Duration,
    ) -> Result<Token, ApiError> {
        let now = self.clock.now();
        let expires_at = now.plus(lifetime);
        let seconds = |at: Timestamp| at.as_micros().div_euclid(1_000_000);
        let claims = Claims {
            id: user.user_id.clone(),
            auth_channel: AuthChannel::try_from(user.auth_channel)
                .unwrap_or_default()
                .as_str_name()
                .to_owned(),
            authority: Authority::try_from(user.authority).unwrap_or_default().as_str_name().to_owned(),
            typ,
            sid: session_id.map(str::to_owned),
            jti: id::new_id(),
            iat: seconds(now),
            exp: seconds(expires_at),
        };
        let text = self.keys.sign(&claims).map_err(|error| ApiError::internal(&error))?;
        Ok(Token { text, expires_at: Timestamp::from_micros(claims.exp * 1_000_000) })
    }

    fn verify_access(&self, token: &str) -> Result<Session, TokenFault> {
        self.verified.get_or(token, || {
            let claims = self.verify(token, Kind::Access)?;
            let is_admin = claims.authority == Authority::Admin.as_str_name();
            let expires_at = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
            Ok((Session { user_id: claims.id, is_admin, expires_at, session_id: claims.sid }, expires_at))
        })
    }

    /// The user whose refresh token this is, by its signature alone: user-svc knows whether it is still held.
    ///
    /// # Errors
    /// Why it is not good.
    pub fn verify_refresh(&self, token: &str) -> Result<String, TokenFault> {
        Ok(self.verify(token, Kind::Refresh)?.id)
    }

    fn verify(&self, token: &str, kind: Kind) -> Result<Claims, TokenFault> {
        let claims: Claims = self.keys.verify(token).map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenFault::Expired,
            _ => TokenFault::Invalid,
        })?;
        if claims.typ == kind { Ok(claims) } else { Err(TokenFault::Invalid) }
    }
}

#[cfg(test)]
mod tests {
    use shared::config::Secret;
    use shared::testkit::Corpus;

    use super::*;

    fn sessions() -> Sessions {
        let key = Secret::new("a key of thirty-two bytes at least");
        Sessions::new(&SessionKeySettings::one(key), 10).unwrap()
    }

    fn user(authority: Authority) -> AuthUser {
        AuthUser {
            user_id: "u".to_owned(),
            auth_channel: AuthChannel::Kakao.into(),
            authority: authority.into(),
            ..AuthUser::default()
        }
    }

    #[test]
    fn access_and_refresh_tokens_are_not_interchangeable() {
        let sessions = sessions();
        let access = sessions.access(&user(Authority::User), None).unwrap().text;
        let refresh = sessions.refresh(&user(Authority::User), "s").unwrap().text;
        assert_eq!(sessions.verify_access(&access).unwrap().user_id, "u");
        assert_eq!(sessions.verify_access(&refresh).unwrap_err(), TokenFault::Invalid);
        assert_eq!(sessions.verify_refresh(&access).unwrap_err(), TokenFault::Invalid);
        assert_ne!(refresh, sessions.refresh(&user(Authority::User), "s").unwrap().text);
    }

    #[test]
    fn nothing_that_was_changed_is_taken_for_a_token() {
        let sessions = sessions();
        let access = sessions.access(&user(Authority::User), Some("s")).unwrap().text;
        let refresh = sessions.refresh(&user(Authority::User), "s").unwrap().text;
        let unsigned =
            "eyJhbGciOiJub25lIn0.eyJpZCI6InUiLCJ0eXAiOiJhY2Nlc3MiLCJleHAiOjQwMDAwMDAwMDB9.".to_owned();
        Corpus::new([access.clone(), refresh.clone(), unsigned]).check_text(file!(), |token| {
            assert_eq!(sessions.verify_access(token).is_ok(), token == access, "{token}");
            assert_eq!(sessions.verify_refresh(token).is_ok(), token == refresh, "{token}");
        });
    }

    #[test]
    fn only_admin_authority_makes_an_admin() {
        let sessions = sessions();
        for (authority, is_admin) in [(Authority::User, false), (Authority::Admin, true)] {
            let token = sessions.access(&user(authority), None).unwrap().text;
            assert_eq!(sessions.verify_access(&token).unwrap().is_admin, is_admin);
        }
    }

    #[test]
    fn an_expired_token_is_told_apart_from_a_forged_one() {
        let sessions = sessions();
        let token = sessions.access(&user(Authority::User), None).unwrap().text;
        let past = Claims { exp: 1, ..sessions.keys.verify(&token).unwrap() };
        let past = sessions.keys.sign(&past).unwrap();
        assert_eq!(sessions.verify_access(&past).unwrap_err(), TokenFault::Expired);
        assert_eq!(sessions.verify_access(&format!("{token}x")).unwrap_err(), TokenFault::Invalid);
    }
}
