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
        let rule = "Idempotency-Key: is required";
        if self.key.is_some() { Ok(()) } else { Err(ApiError::invalid(vec![rule.to_owned()])) }
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
