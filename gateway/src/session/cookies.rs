//! The cookies of a session.
//!
//! Tokens are HttpOnly. The two expiry cookies are not: they are for the page to read.

use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};

use super::Token;
use crate::envelope::ApiError;

pub(super) const ACCESS: &str = "accessToken";
pub(super) const REFRESH: &str = "refreshToken";
const ACCESS_EXPIRES_AT: &str = "accessTokenExpiresAt";
const REFRESH_EXPIRES_AT: &str = "refreshTokenExpiresAt";

/// How cookies are set for the host that a request was sent to: browsers take insecure ones from localhost only.
#[derive(Clone, Copy)]
pub struct SessionCookies {
    attributes: &'static str,
}

impl SessionCookies {
    /// For the host in these request headers.
    pub fn for_host(headers: &HeaderMap) -> Self {
        let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let name = if host.starts_with('[') {
            host.split_inclusive(']').next().unwrap_or_default()
        } else {
            host.split(':').next().unwrap_or_default()
        };
        let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost");
        let attributes = if is_local { "Path=/; SameSite=Lax" } else { "Path=/; SameSite=None; Secure" };
        Self { attributes }
    }

    /// Whether browsers take secure ones from that host.
    pub fn is_secure(self) -> bool {
        self.attributes.contains("Secure")
    }

    /// Sets the cookies of an access token, and of a refresh token if there is one.
    ///
    /// # Errors
    /// Never: tokens and times are ASCII.
    pub fn set(self, into: &mut HeaderMap, access: &Token, refresh: Option<&Token>) -> Result<(), ApiError> {
        self.set_token(into, [ACCESS, ACCESS_EXPIRES_AT], access)?;
        match refresh {
            Some(refresh) => self.set_token(into, [REFRESH, REFRESH_EXPIRES_AT], refresh),
            None => Ok(()),
        }
    }

    fn set_token(self, into: &mut HeaderMap, names: [&str; 2], token: &Token) -> Result<(), ApiError> {
        let [name, expires_at] = names;
        let age = token.expires_at.as_micros() - shared::time::Clock::system().now().as_micros();
        let age = (age / 1_000_000).max(0);
        let attributes = self.attributes;
        append(into, format!("{name}={}; {attributes}; Max-Age={age}; HttpOnly", token.text))?;
        append(into, format!("{expires_at}={}; {attributes}; Max-Age={age}", token.expires_at.to_rfc3339()))
    }
}

/// Takes the cookies of an earlier session's refresh token away.
///
/// # Errors
/// Never: the cookies are ASCII.
pub fn clear_refresh_cookies(cookies: SessionCookies, into: &mut HeaderMap) -> Result<(), ApiError> {
    clear(cookies, &[REFRESH, REFRESH_EXPIRES_AT], into)
}

/// Takes every cookie of a session away.
///
/// # Errors
/// Never: the cookies are ASCII.
pub fn clear_cookies(cookies: SessionCookies, into: &mut HeaderMap) -> Result<(), ApiError> {
    clear(cookies, &[ACCESS, ACCESS_EXPIRES_AT, REFRESH, REFRESH_EXPIRES_AT], into)
}

fn clear(cookies: SessionCookies, names: &[&str], into: &mut HeaderMap) -> Result<(), ApiError> {
    names.iter().try_for_each(|name| append(into, format!("{name}=; {}; Max-Age=0", cookies.attributes)))
}

/// Adds a cookie.
///
/// # Errors
/// When it holds what no header may.
pub fn append(into: &mut HeaderMap, cookie: String) -> Result<(), ApiError> {
    let value = HeaderValue::try_from(cookie).map_err(|error| ApiError::internal(&error))?;
    into.append(SET_COOKIE, value);
    Ok(())
}

/// The value of a cookie in request headers (RFC 6265, section 5.4); an empty one counts as absent.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(found, value)| (found, value.trim_matches('"')))
        .find(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The refresh token in request headers.
pub fn refresh_token(headers: &HeaderMap) -> Option<&str> {
    read(headers, REFRESH)
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn a_cookie_is_what_a_header_holds_or_absent() {
        let lines = [
            "accessToken=a.b.c; refreshToken=\"d.e.f\"; accessTokenExpiresAt=2026-01-02T03:04:05Z",
            "accessToken=\"\"; accessToken=; signIn_0198c0de=x=y==",
            " ;;=; accessToken",
        ];
        Corpus::new(lines).check(file!(), |line| {
            let Ok(value) = HeaderValue::from_bytes(line) else { return };
            let headers = HeaderMap::from_iter([(COOKIE, value.clone()), (HOST, value)]);
            for name in [ACCESS, REFRESH, "signIn_0198c0de", ""] {
                let Some(found) = read(&headers, name) else { continue };
                assert!(
                    !found.is_empty() && !found.contains(';') && found.trim_matches('"') == found,
                    "{found}"
                );
                assert!(String::from_utf8_lossy(line).contains(found));
            }
            let is_secure = SessionCookies::for_host(&headers).is_secure();
            assert!(
                is_secure
                    || String::from_utf8_lossy(line).contains("localhost")
                    || line.starts_with(b"127.0.0.1")
                    || line.starts_with(b"[::1]")
            );
        });
    }

    fn headers(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_localhost_gets_insecure_cookies() {
        for (host, local) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("[::1]:8080", true),
            ("api.hearlers.example", false),
            ("localhost.evil.example", false),
        ] {
            let attributes = SessionCookies::for_host(&headers(HOST, host)).attributes;
            assert_eq!(!attributes.contains("Secure"), local, "{host}");
        }
    }

    #[test]
    fn cookies_are_read_by_their_whole_name() {
        let headers = headers(COOKIE, "xaccessToken=a; accessToken=b; refreshToken=");
        assert_eq!(read(&headers, "accessToken"), Some("b"));
        assert_eq!(read(&headers, "refreshToken"), None);
    }
}
