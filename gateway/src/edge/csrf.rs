//! Refuses what another site makes a browser do with the cookies of a session (cross-site request forgery).
//!
//! Cookies of clients on other hosts have to be `SameSite=None`, so browsers send them along whoever asks. But browsers
//! also say who asks, in `Origin` (RFC 6454, section 7) and `Sec-Fetch-Site` (W3C Fetch Metadata), which pages cannot
//! forge. Clients that are no browsers send neither, and hold no cookies that somebody else could use.

use axum::extract::Request;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::envelope::ApiError;
use crate::origins::Origins;
use crate::session::bearer;

fn may_use_cookies(origins: &Origins, headers: &HeaderMap) -> bool {
    match headers.get(ORIGIN) {
        Some(origin) => origins.allow_header(origin) || is_own(origin, headers.get(HOST)),
        None => headers
            .get("sec-fetch-site")
            .is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"same-site" | b"none")),
    }
}

/// Whether a page of this gateway itself asks, or none at all, or whoever asks knows the token: not even pages that may
/// use the API with cookies.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    let by_page = || match headers.get(ORIGIN) {
        Some(origin) => is_own(origin, headers.get(HOST)),
        None => headers
            .get("sec-fetch-site")
            .is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"none")),
    };
    bearer(headers).is_some() || by_page()
}

/// Whether an origin is the host that was asked. TLS may end in front of the gateway, so the scheme does not count.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = host.and_then(|host| host.to_str().ok());
    origin.is_some_and(|origin| host.is_some_and(|host| host.eq_ignore_ascii_case(origin)))
}

/// Whether a request may do what it wants to: with cookies it changes something only if a page of ours, or no page at all,
/// sends it.
///
/// # Errors
/// 403 otherwise.
pub fn same_site_only(origins: &Origins, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let by_cookie = headers.contains_key(COOKIE) && bearer(headers).is_none();
    if request.method().is_safe() || !by_cookie || may_use_cookies(origins, headers) {
        return Ok(());
    }
    let message = "pages of this origin may not use the cookies of a session";
    Err(ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_says_whose_page_asks() {
        let origins = Origins::new(&["https://app.example".to_owned()], false);
        for (name, value, expected) in [
            ("origin", "https://app.example", true),
            ("origin", "https://api.example", true),
            ("origin", "http://API.example", true),
            ("origin", "https://api.example:8443", false),
            ("origin", "https://evil.example", false),
            ("origin", "https://app.example.evil.example", false),
            ("origin", "http://app.example", false),
            ("origin", "http://localhost:3000", false),
            ("origin", "null", false),
            ("origin", "", false),
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("accept", "*/*", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("api.example"));
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(may_use_cookies(&origins, &headers), expected, "{name}: {value}");
        }
        let development = Origins::new(&[], true);
        assert!(development.allow_header(&HeaderValue::from_static("http://localhost:3000")));
        assert!(!development.allow_header(&HeaderValue::from_static("http://localhost.evil.example")));
    }
}
