//! The envelope of every answer.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;
use utoipa::{IntoResponses, ToSchema};

tokio::task_local! {
    /// The id of the request that is being answered, for errors that a person will report.
    pub(crate) static REQUEST_ID: String;
}

/// A success.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// For people.
    #[schema(example = "OK")]
    pub message: Cow<'static, str>,
    /// The result.
    pub data: T,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    #[schema(example = "2026-01-02 03:04:05")]
    pub timestamp: String,
}

/// A successful answer of a handler.
pub struct Success<T> {
    status: StatusCode,
    data: T,
}

impl<T> Success<T> {
    /// 200 with `data`.
    pub fn ok(data: T) -> Self {
        Self { status: StatusCode::OK, data }
    }

    /// 201 with `data`.
    pub fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, data }
    }
}

impl<T> Success<T> {
    /// The answer's body.
    pub fn into_envelope(self) -> Envelope<T> {
        let message = Cow::Borrowed(self.status.canonical_reason().unwrap_or("OK"));
        Envelope { message, data: self.data, timestamp: timestamp() }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        (self.status, Json(self.into_envelope())).into_response()
    }
}

/// What a handler answers.
pub type Answer<T> = Result<Success<T>, ApiError>;

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorEnvelope {
    /// The HTTP reason.
    #[schema(example = "BAD_REQUEST")]
    status: String,
    /// What clients decide by.
    #[schema(example = "HTTP_INVALID_INPUT")]
    code: Cow<'static, str>,
    /// For people.
    message: Cow<'static, str>,
    /// Every violated rule, as `field: rule`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ErrorData>,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    #[schema(example = "2026-01-02 03:04:05")]
    timestamp: String,
}

/// What to tell support.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorData {
    /// The id under which the log knows the cause.
    request_id: String,
}

/// The errors that any route may answer with.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the derive macro only")]
pub enum Errors {
    /// A value is malformed or breaks a rule; `details` lists each.
    #[response(status = 400)]
    BadRequest(ErrorEnvelope),
    /// No good access token was sent.
    #[response(status = 401)]
    Unauthorized(ErrorEnvelope),
    /// Signed in, but not allowed; or no message tokens are left.
    #[response(status = 403)]
    Forbidden(ErrorEnvelope),
    /// There is no such thing, or it is somebody else's.
    #[response(status = 404)]
    NotFound(ErrorEnvelope),
    /// It exists already, or the `Idempotency-Key` stands for another request.
    #[response(status = 409)]
    Conflict(ErrorEnvelope),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorEnvelope),
    /// Too much at once; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooManyRequests(ErrorEnvelope),
    /// Something unforeseen; `data.requestId` finds it in the log.
    #[response(status = 500)]
    Internal(ErrorEnvelope),
    /// A part of the system cannot be reached at the moment.
    #[response(status = 503)]
    Unavailable(ErrorEnvelope),
    /// The answer took too long.
    #[response(status = 504)]
    Timeout(ErrorEnvelope),
}

/// A refusal or a failure, with its code in the contract.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Vec<String>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// An error without details.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Vec::new(), retry_after: None }
    }

    /// Something unforeseen: the cause goes to the log only.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "HTTP_SERVER_SYSTEM_ERROR",
            "something went wrong; the request id finds it in the log",
        )
    }

    /// The request breaks these rules.
    pub fn invalid(details: Vec<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "HTTP_INVALID_INPUT", "the request breaks a rule")
            .with_details(details)
    }

    /// A parameter that is required was not sent.
    pub fn missing_parameter(name: &str) -> Self {
        Self::missing("HTTP_MISSING_REQUEST_PARAMETER", "parameter", name)
    }

    /// A header that is required was not sent.
    pub fn missing_header(name: &str) -> Self {
        Self::missing("HTTP_MISSING_REQUEST_HEADER", "header", name)
    }

    fn missing(code: &'static str, what: &str, name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, format!("the {what} {name} is required"))
            .with_details(vec![format!("{name}: is required")])
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Every violated rule, as `field: rule`.
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// With every violated rule.
    #[must_use]
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// With the time after which the same request may succeed.
    #[must_use]
    pub fn retry_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }
}

impl ApiError {
    /// The answer's body.
    pub fn into_envelope(self) -> ErrorEnvelope {
        let reason =
            self.status.canonical_reason().unwrap_or("Error").to_uppercase().replace([' ', '-'], "_");
        let data = if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            REQUEST_ID.try_with(|id| ErrorData { request_id: id.clone() }).ok()
        } else {
            None
        };
        ErrorEnvelope {
            status: reason,
            code: self.code,
            message: self.message,
            details: self.details,
            data,
            timestamp: timestamp(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = (status, Json(self.into_envelope())).into_response();
        if let Some(pause) = retry_after {
            // Whole seconds, and at least one: "now" would only bring the same refusal.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
        }
        response
    }
}

fn timestamp() -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    OffsetDateTime::now_utc().format(&format).unwrap_or_default()
}
