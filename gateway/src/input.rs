//! What requests bring: bodies, path and query values. Each violated rule is listed.

mod body;
mod page;
mod path;
mod query;

pub use body::{Body, body_of_at_most, read_body};
pub use page::PageQuery;
pub use path::{CounselorScope, Ids, PathIds};
pub use query::{Params, check_ids};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use utoipa::IntoParams;

use crate::envelope::ApiError;

/// The header by which a client says that a request is a repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The header `Idempotency-Key`, if it was sent.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// The same for every repeat of one request: the repeat then gets the first one's answer. Another request with the
    /// same key is refused with 409. After 24 hours the key is new.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    pub key: Option<String>,
}

impl IdempotencyKey {
    /// Where a repeat would cost somebody money.
    ///
    /// # Errors
    /// 400 when it was not sent.
    pub fn require(&self) -> Result<(), ApiError> {
        if self.key.is_some() { Ok(()) } else { Err(ApiError::missing_header("Idempotency-Key")) }
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(Self { key: None }) };
        let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let key = key.filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()));
        let rule = "Idempotency-Key: must be 1 to 255 visible ASCII characters without spaces";
        let key = key.ok_or_else(|| ApiError::invalid(vec![rule.to_owned()]))?;
        Ok(Self { key: Some(key.to_owned()) })
    }
}

fn too_large(limit: usize) -> ApiError {
    let message = format!("the body must be at most {limit} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "HTTP_INVALID_INPUT", message)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};
    use futures::FutureExt;
    use serde::Deserialize;
    use shared::testkit::Corpus;

    use super::*;

    fn extract<T: FromRequestParts<(), Rejection = ApiError>>(request: Request<()>) -> Result<T, ApiError> {
        let (mut parts, ()) = request.into_parts();
        T::from_request_parts(&mut parts, &()).now_or_never().expect("nothing is waited for")
    }

    /// A refusal of a request: 400, and each line names a field and its rule.
    fn check_refusal(error: &ApiError) {
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let names_a_field = |line: &String| {
            line.split_once(": ").is_some_and(|(field, rule)| !field.is_empty() && !rule.is_empty())
        };
        assert!(
            !error.details().is_empty() && error.details().iter().all(names_a_field),
            "{:?}",
            error.details()
        );
    }

    #[test]
    fn a_key_is_taken_as_it_is_or_refused_by_its_name() {
        Corpus::new(["0198c0de-0000-7000-8000-000000000001", "order 1", "\"quoted\"", "k"]).check(
            file!(),
            |input| {
                let Ok(value) = HeaderValue::from_bytes(input) else { return };
                let mut request = Request::new(());
                request.headers_mut().insert(IDEMPOTENCY_KEY, value);
                match extract::<IdempotencyKey>(request) {
                    Ok(IdempotencyKey { key }) => {
                        let key = key.unwrap();
                        assert_eq!(key.as_bytes(), input);
                        assert!((1..=255).contains(&key.len()) && !key.contains(' '));
                    }
                    Err(error) => {
                        check_refusal(&error);
                        assert!(error.details()[0].starts_with("Idempotency-Key: "));
                    }
                }
            },
        );
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        counselor_id: Option<String>,
        is_open: Option<bool>,
        number: i32,
    }

    #[test]
    fn a_query_is_read_or_each_broken_rule_named() {
        let queries = [
            "limit=10&cursor=WzEsImEiXQ&number=1",
            "limit=1001&cursor=%ff%00&isOpen=maybe&number=-2147483649",
            "counselorId=0198c0de-0000-7000-8000-000000000001&counselorId=x&number=%F0%9F",
            "number=1&number=2&&=&%",
        ];
        Corpus::new(queries).check_text(file!(), |query| {
            let Ok(request) = Request::get(format!("/v1/counsels?{query}")).body(()) else { return };
            let (parts, ()) = request.into_parts();
            let again = || Request::from_parts(parts.clone(), ());
            match extract::<PageQuery>(again()) {
                Ok(page) => {
                    let page = page.request().unwrap();
                    assert!(page.limit.is_none_or(|limit| (1..=1000).contains(&limit)), "{page:?}");
                    assert!(page.cursor.is_none_or(|cursor| (1..=512).contains(&cursor.len())));
                }
                Err(error) => check_refusal(&error),
            }
            match extract::<Params<Sample>>(again()) {
                Ok(Params(Sample { counselor_id, is_open, number })) => {
                    // What is true or a number stands in the query.
                    assert!(
                        is_open.is_none() || query.contains("isOpen") || query.contains('%'),
                        "{query}: {is_open:?}"
                    );
                    assert!(query.contains("number") || query.contains('%'), "{query}: {number}");
                    if let Err(error) = check_ids([("counselorId", counselor_id.as_ref())]) {
                        check_refusal(&error);
                        assert!(error.details()[0].starts_with("counselorId: "));
                    }
                }
                Err(error) => check_refusal(&error),
            }
        });
    }
}
