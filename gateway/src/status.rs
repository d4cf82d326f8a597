//! From a gRPC status to the error envelope, once.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use shared::error::{NO_REMAINING_TOKENS, REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_NOT_FOUND};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::envelope::ApiError;

/// How long a client should wait before it asks a service again that cannot be reached.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(2);

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let (http, code) = in_contract(status.code());
        if http == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = ?status.code(), message = status.message(), "a service failed");
            return Self::new(http, code, "something went wrong; the request id finds it in the log");
        }
        let message = Cow::Owned(status.message().to_owned());
        let error = Self::new(http, reason(&status).unwrap_or(code), message);
        match status.code() {
            Code::InvalidArgument => error.with_details(violations(&status)),
            Code::FailedPrecondition => error.with_details(unmet(&status)),
            Code::ResourceExhausted => {
                let retry_info = status.get_details_retry_info();
                error.retry_after(Some(retry_info.and_then(|info| info.retry_delay).unwrap_or_default()))
            }
            Code::Unavailable => error.retry_after(Some(RETRY_UNAVAILABLE)),
            _ => error,
        }
    }
}

/// The contract's table.
fn in_contract(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "E40001"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "E40002"),
        Code::OutOfRange => (StatusCode::BAD_REQUEST, "E40003"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "E40101"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "E40301"),
        Code::NotFound => (StatusCode::NOT_FOUND, "E40401"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "E40901"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "E42901"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "E50101"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "E50301"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "E50401"),
        Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss | Code::Aborted | Code::Cancelled => {
            (StatusCode::INTERNAL_SERVER_ERROR, "E50001")
        }
    }
}

/// The reasons that have a code of their own in the contract.
fn reason(status: &Status) -> Option<&'static str> {
    let reason = status.get_details_error_info()?.reason;
    [NO_REMAINING_TOKENS, REFRESH_TOKEN_NOT_FOUND, REFRESH_TOKEN_EXPIRED]
        .into_iter()
        .find(|known| *known == reason)
}

/// `field: rule`, with the field's name in JSON.
fn violations(status: &Status) -> Vec<String> {
    let fields = status.get_details_bad_request().map(|request| request.field_violations).unwrap_or_default();
    fields.into_iter().map(|field| format!("{}: {}", camel_case(&field.field), field.description)).collect()
}

/// `part: what is wrong with it`, with the part's name in JSON, where a service lists what is in the way.
fn unmet(status: &Status) -> Vec<String> {
    let failure = status.get_details_precondition_failure();
    let violations = failure.map(|failure| failure.violations).unwrap_or_default();
    violations
        .into_iter()
        .map(|unmet| format!("{}: {}", camel_case(&unmet.subject), unmet.description))
        .collect()
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_json_names() {
        assert_eq!(camel_case("birth_year"), "birthYear");
        assert_eq!(camel_case("bubble_response.response_option_no"), "bubbleResponse.responseOptionNo");
        assert_eq!(camel_case("message"), "message");
    }
}
