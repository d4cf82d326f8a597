//! Ids in paths.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use shared::{Violations, id};

use crate::App;
use crate::envelope::ApiError;

/// The ids in a path, each a UUID.
pub struct Ids<T>(pub T);

/// The ids of one kind of path.
pub trait PathIds: DeserializeOwned + Send {
    /// Whether `all` may stand for the counselor's id.
    const ALL_COUNSELORS: bool = false;
}

impl<T: PathIds> FromRequestParts<Arc<App>> for Ids<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::internal(&error))?;
        let mut details = Vec::new();
        for (name, value) in &params {
            let mut violations = Violations::default();
            id::check_id("id", value, &mut violations);
            let is_all = T::ALL_COUNSELORS && name == "counselor-id" && value == "all";
            if !violations.is_empty() && !is_all {
                details.push(format!(
                    "{name}: must be a UUID{}",
                    if T::ALL_COUNSELORS { " or all" } else { "" }
                ));
            }
        }
        if !details.is_empty() {
            return Err(ApiError::invalid(details));
        }
        let Path(ids) =
            Path::from_request_parts(parts, app).await.map_err(|error| ApiError::internal(&error))?;
        Ok(Self(ids))
    }
}

/// A counselor's id, or `all`.
pub struct CounselorScope(Option<String>);

impl CounselorScope {
    /// Reads the path value.
    pub fn of(counselor_id: String) -> Self {
        Self((counselor_id != "all").then_some(counselor_id))
    }

    /// The counselor's id; absent for all of them.
    pub fn counselor_id(self) -> Option<String> {
        self.0
    }
}
