//! Which page of a list.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use shared::page::LONGEST_PAGE;
use shared::proto::v1::PageRequest;
use utoipa::IntoParams;

use super::Params;
use crate::envelope::ApiError;

/// No cursor is longer.
const LONGEST_CURSOR: usize = 512;

/// Which page of a list: the extractor and the documentation of `limit` and `cursor`.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items the page has at most; 1000 if it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i32>,
    /// The `nextCursor` of the page before; left out for the first page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

impl PageQuery {
    /// As the services want it.
    pub fn request(self) -> Option<PageRequest> {
        Some(PageRequest { limit: self.limit, cursor: self.cursor })
    }

    fn check(&self) -> Result<(), ApiError> {
        let mut details = Vec::new();
        let fits = |limit: i32| u64::try_from(limit).is_ok_and(|limit| (1..=LONGEST_PAGE).contains(&limit));
        if self.limit.is_some_and(|limit| !fits(limit)) {
            details.push(format!("limit: must be 1 to {LONGEST_PAGE}"));
        }
        // Whether it is a cursor of this very list is for the service to say.
        let is_base64url = |cursor: &str| {
            (1..=LONGEST_CURSOR).contains(&cursor.len())
                && cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if self.cursor.as_deref().is_some_and(|cursor| !is_base64url(cursor)) {
            details.push("cursor: must be a nextCursor of this list".to_owned());
        }
        if details.is_empty() { Ok(()) } else { Err(ApiError::invalid(details)) }
    }
}

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Params(page) = Params::<Self>::from_request_parts(parts, state).await?;
        page.check()?;
        Ok(page)
    }
}
