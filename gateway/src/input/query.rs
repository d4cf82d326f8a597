//! Values in the query.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use shared::{Violations, id};

use crate::envelope::ApiError;

/// The values of a query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|rejection| {
            let cause = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
            match missing(&cause) {
                Some(name) => ApiError::missing_parameter(name),
                None if names_parameter(&cause) => ApiError::invalid(vec![cause]),
                None => ApiError::invalid(vec![format!("query: {cause}")]),
            }
        })
    }
}

/// Whether the cause begins with the parameter's name, `limit: …`.
fn names_parameter(cause: &str) -> bool {
    cause.split_once(": ").is_some_and(|(name, _)| !name.contains(' '))
}

/// serde tells a missing field by its words only.
fn missing(cause: &str) -> Option<&str> {
    cause.rsplit_once("missing field `")?.1.strip_suffix('`')
}

/// Checks that the values of parameters, where they are there, are UUIDs.
///
/// # Errors
/// 400 with each that is none.
pub fn check_ids<const N: usize>(ids: [(&'static str, Option<&String>); N]) -> Result<(), ApiError> {
    let malformed = |(name, value): (&'static str, Option<&String>)| {
        let mut violations = Violations::default();
        id::check_id(name, value?, &mut violations);
        (!violations.is_empty()).then(|| violations.to_string())
    };
    let details: Vec<_> = ids.into_iter().filter_map(malformed).collect();
    if details.is_empty() { Ok(()) } else { Err(ApiError::invalid(details)) }
}
