//! The language of a page: as chosen, or as the browser prefers.

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, Uri};

use super::PATH;
use super::fields::Fields;
use super::texts::{EN, KO, Texts};
use crate::session::{SessionCookies, read_cookie};

/// The parameter that chooses one for good.
pub const PARAMETER: &str = "lang";
const NAME: &str = "consoleLanguage";
const YEAR: u32 = 31_536_000;

/// A language that the console speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    Korean,
}

impl Language {
    /// The language of an answer, and whether the request chose it by the parameter.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> (Self, bool) {
        let asked = Fields::of(uri.query().unwrap_or_default()).get(PARAMETER).and_then(Self::named);
        let kept = || read_cookie(headers, NAME).and_then(Self::named);
        let preferred =
            headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        (asked.or_else(kept).unwrap_or_else(|| Self::preferred(preferred)), asked.is_some())
    }

    /// Its texts.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &EN,
            Self::Korean => &KO,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::English => Self::Korean,
            Self::Korean => Self::English,
        }
    }

    /// The cookie that keeps the choice.
    pub fn cookie(self, cookies: SessionCookies) -> String {
        let secure = if cookies.is_secure() { "; Secure" } else { "" };
        let tag = self.texts().tag;
        format!("{NAME}={tag}; Path={PATH}; Max-Age={YEAR}; HttpOnly; SameSite=Lax{secure}")
    }

    fn named(tag: &str) -> Option<Self> {
        // Such as `ko-KR`.
        let primary = tag.split('-').next().unwrap_or_default();
        [Self::English, Self::Korean].into_iter().find(|language| language.texts().tag == primary)
    }

    /// The best of `Accept-Language` (RFC 9110, section 12.5.4).
    fn preferred(accept: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for item in accept.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let language = parts.next().and_then(Self::named);
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if let Some(language) = language
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn every_preference_has_a_language() {
        Corpus::new(["ko-KR,ko;q=0.9,en;q=0.8", "en;q=NaN, ko;q=-1", "ko;q=inf;q=0"]).check_text(
            file!(),
            |accept| {
                let language = Language::preferred(accept);
                assert!(language == Language::English || accept.contains("ko"), "{accept}");
            },
        );
    }

    #[test]
    fn the_best_of_what_a_browser_prefers_is_spoken() {
        for (accept, expected) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Language::Korean),
            ("fr, en;q=0.3, ko;q=0.5", Language::Korean),
            ("en-GB,ko;q=0.9", Language::English),
            ("de", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::preferred(accept), expected, "{accept}");
        }
    }
}
