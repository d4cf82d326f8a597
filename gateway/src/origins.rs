//! Whose pages are trusted: to call with cookies, and to be led to at the end of a sign-in.

use std::sync::Arc;

use axum::http::HeaderValue;
use url::{Origin, Url};

/// A list of origins (RFC 6454).
#[derive(Clone)]
pub struct Origins {
    listed: Arc<[Origin]>,
    development: bool,
}

impl Origins {
    /// `listed` such as `https://app.example`; in development every port of this machine as well.
    pub fn new(listed: &[String], development: bool) -> Self {
        let listed = listed.iter().filter_map(|origin| Url::parse(origin).ok()).map(|url| url.origin());
        Self { listed: listed.filter(Origin::is_tuple).collect(), development }
    }

    /// Whether a page at this address is one of theirs.
    pub fn allow(&self, url: &Url) -> bool {
        let is_web = matches!(url.scheme(), "http" | "https");
        is_web && (self.listed.contains(&url.origin()) || (self.development && is_local(url)))
    }

    /// Whether the header `Origin` names one of them.
    pub fn allow_header(&self, origin: &HeaderValue) -> bool {
        let text = origin.to_str().unwrap_or_default();
        // Browsers write origins in one way.
        Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text && self.allow(&url))
    }
}

/// Whether an address is on this machine.
pub fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
