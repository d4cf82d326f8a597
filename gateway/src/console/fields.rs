//! The fields of queries and forms. A name may come several times, as checkboxes send it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use shared::time::{Clock, Timestamp};
use url::form_urlencoded;

use crate::envelope::ApiError;

/// The fields of a query, or of a form in [`Form`].
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

/// The fields of a form that was posted.
pub struct Form(pub Fields);

impl Fields {
    /// Those of a query.
    pub fn of(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// What a field holds, if anything.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// As [`Fields::get`], for templates.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// Everything that fields with this name hold.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(found, _)| found == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// A query of the same fields, with `name` set to `value` and without those that are named.
    pub fn with(&self, name: &str, value: &str, without: &[&str]) -> String {
        let kept = self.0.iter().filter(|(found, _)| found != name && !without.contains(&found.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair(name, value).finish()
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = super::failed::Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = String::from_request(request, state).await;
        let body = body.map_err(|_| ApiError::invalid(vec!["form: must be short, and text".to_owned()]))?;
        Ok(Self(Fields::of(&body)))
    }
}

/// A time as people write it: RFC 3339, the same without a zone (UTC), or how long ago, such as `15m`.
pub fn time(text: &str) -> Option<Timestamp> {
    if let Some(ago) = ago(text) {
        return Some(Clock::system().now().minus(ago));
    }
    let text = text.replacen(' ', "T", 1);
    let without_zone = || match text.len() {
        10 => Timestamp::from_rfc3339(&format!("{text}T00:00:00Z")),
        16 => Timestamp::from_rfc3339(&format!("{text}:00Z")),
        _ => Timestamp::from_rfc3339(&format!("{text}Z")),
    };
    Timestamp::from_rfc3339(&text).or_else(without_zone)
}

fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let noon = Timestamp::from_rfc3339("2026-01-02T12:00:00Z");
        for text in
            ["2026-01-02T12:00:00Z", "2026-01-02 12:00", "2026-01-02T12:00:00", "2026-01-02T21:00:00+09:00"]
        {
            assert_eq!(time(text), noon, "{text}");
        }
        assert_eq!(time("2026-01-02"), noon.map(Timestamp::start_of_day));
        let now = Clock::system().now();
        assert!(time("15m").is_some_and(|at| at < now && at > now.minus(Duration::from_secs(901))));
        for text in ["", "m", "yesterday", "12:00", "-1h", "99999999999999999999d", "2026-13-01"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_is_changed_in_one_field() {
        let fields = Fields::of("stream=USERS&notice=paused&x=%20&lang=en");
        assert_eq!(fields.with("lang", "ko", &["notice"]), "stream=USERS&x=+&lang=ko");
        assert_eq!(fields.get("x"), None, "nothing but spaces is nothing");
        assert_eq!(Fields::of("letter=1&letter=2").all("letter").collect::<Vec<_>>(), ["1", "2"]);
    }
}
