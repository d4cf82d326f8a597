//! Values in the query.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::envelope::ApiError;

/// The values of a query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|rejection| {
            let cause = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
            match missing(&cause) {
                Some(name) => {
                    let message = format!("the parameter {name} is required");
                    ApiError::new(StatusCode::BAD_REQUEST, "HTTP_MISSING_REQUEST_PARAMETER", message)
                        .with_details(vec![format!("{name}: is required")])
                }
                None => ApiError::invalid(vec![format!("query: {cause}")]),
            }
        })
    }
}

/// serde tells a missing field by its words only.
fn missing(cause: &str) -> Option<&str> {
    cause.rsplit_once("missing field `")?.1.strip_suffix('`')
}
