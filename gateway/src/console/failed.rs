//! Why there is no page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use shared::error::Error;

use crate::envelope::ApiError;

/// Why there is no page. Answered in the envelope, in whose place [`super::access::present`] puts a page for browsers.
#[derive(Clone, Debug)]
pub struct Failed {
    pub error: ApiError,
    /// Who asked, if that is why.
    pub user_id: Option<String>,
}

impl Failed {
    /// To somebody who is no admin.
    pub fn not_admin(user_id: String) -> Self {
        let error = ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", "this needs admin authority");
        Self { error, user_id: Some(user_id) }
    }

    /// To a page of another origin.
    pub fn of_another_page() -> Self {
        let message = "only the console's own pages may do this";
        ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).into()
    }

    /// To a request with another method than the page takes.
    pub fn method_not_allowed() -> Self {
        let message = "this page does not take this method";
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP_METHOD_NOT_ALLOWED", message).into()
    }
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self { error, user_id: None }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        ApiError::from(tonic::Status::from(error)).into()
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = self.error.clone().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
