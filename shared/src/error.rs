//! The one error of commands, queries and repositories, and its one mapping to a gRPC status.

use std::fmt;
use std::time::Duration;

use sea_orm::{DbErr, SqlErr};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::database::is_transient;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The domain under which reasons are unique, as google.rpc.ErrorInfo asks for.
const ERROR_DOMAIN: &str = "hearlers";

/// The reason of a refusal for want of message tokens.
pub const NO_REMAINING_TOKENS: &str = "NO_REMAINING_TOKENS";
/// The reason for a refresh token that nobody holds (any more).
pub const REFRESH_TOKEN_NOT_FOUND: &str = "REFRESH_TOKEN_NOT_FOUND";
/// The reason for a refresh token that has expired.
pub const REFRESH_TOKEN_EXPIRED: &str = "REFRESH_TOKEN_EXPIRED";

/// The reason for a refresh token that was replaced long ago: its session is closed.
pub const REFRESH_TOKEN_REUSED: &str = "REFRESH_TOKEN_REUSED";

/// The metadata by which a server tells whether, and in how many milliseconds, a call may be sent again (gRFC A6).
pub const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";
/// What it says when the call may not be sent again.
pub const DO_NOT_RETRY: &str = "-1";

/// The most bytes of violations that a status tells. Its message and its details travel in headers, of which HTTP/2 takes
/// 16 KiB here: a longer list would not only be lost, it would end the connection and every other call on it. Fields and
/// rules go into them three times, in part as Base64 or percent-encoded.
const MOST_TOLD: usize = 2048;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks rules; each is listed.
    #[error("{0}")]
    Invalid(Violations),
    /// There is no such thing, or it is somebody else's.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Something unique exists already.
    #[error("{0} exists already")]
    AlreadyExists(&'static str),
    /// The system is not in a state in which this can be done.
    #[error("{0}")]
    FailedPrecondition(String),
    /// The caller is known but may not do this; `reason` is a machine-readable constant.
    #[error("{message}")]
    PermissionDenied { reason: &'static str, message: String },
    /// The caller is not who it says; `reason` is a machine-readable constant.
    #[error("{message}")]
    Unauthenticated { reason: &'static str, message: String },
    /// Too much at once; the same request may succeed after `retry_after`.
    #[error("{message}")]
    ResourceExhausted { message: String, retry_after: Duration },
    /// A part that is needed cannot be reached at the moment.
    #[error("unavailable: {0}")]
    Unavailable(#[source] BoxError),
    /// A third party that was asked in vain. It may have worked, and been paid, for nothing: whether to ask again is for
    /// people to say, not for the mesh.
    #[error("a third party failed: {0}")]
    ThirdParty(#[source] BoxError),
    /// Anything unforeseen. The cause goes to the log, never to the caller.
    #[error("internal error: {0}")]
    Internal(#[source] BoxError),
}

impl Error {
    /// An error nobody foresaw.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::Internal(cause.into())
    }

    /// One broken rule of one field.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.add(field, rule);
        Self::Invalid(violations)
    }

    /// The caller is known but may not do this, for no special reason.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::PermissionDenied { reason: "FORBIDDEN", message: message.into() }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(Box::new(error)),
            error if is_transient(&error) => Self::Unavailable(Box::new(error)),
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Turns the violation of a unique constraint into [`Error::AlreadyExists`].
pub fn unless_unique(what: &'static str) -> impl Fn(DbErr) -> Error {
    move |error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::AlreadyExists(what),
        _ => error.into(),
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Invalid(violations) => Error::Invalid(violations.within(MOST_TOLD)),
            other => other,
        };
        let message = error.to_string();
        match error {
            Error::Invalid(violations) => {
                let fields: Vec<_> = violations
                    .0
                    .into_iter()
                    .map(|violation| FieldViolation::new(violation.field, violation.rule))
                    .collect();
                Status::with_error_details(
                    Code::InvalidArgument,
                    message,
                    ErrorDetails::with_bad_request(fields),
                )
            }
            Error::NotFound(_) => Status::not_found(message),
            Error::AlreadyExists(_) => Status::already_exists(message),
            Error::FailedPrecondition(_) => Status::failed_precondition(message),
            Error::PermissionDenied { reason, .. } => with_reason(Code::PermissionDenied, message, reason),
            Error::Unauthenticated { reason, .. } => with_reason(Code::Unauthenticated, message, reason),
            Error::ResourceExhausted { retry_after, .. } => {
                let mut details = ErrorDetails::new();
                details.set_retry_info(Some(retry_after));
                Status::with_error_details(Code::ResourceExhausted, message, details)
            }
            Error::Unavailable(cause) => {
                tracing::warn!(error = %Chain(&*cause), "unavailable");
                Status::unavailable("a part of the service cannot be reached at the moment")
            }
            Error::ThirdParty(cause) => {
                tracing::warn!(error = %Chain(&*cause), "a third party failed");
                let mut status = Status::unavailable("a part of the service cannot be reached at the moment");
                status.metadata_mut().insert(RETRY_PUSHBACK, MetadataValue::from_static(DO_NOT_RETRY));
                status
            }
            Error::Internal(cause) => {
                tracing::error!(error = %Chain(&*cause), "internal error");
                Status::internal("internal error")
            }
        }
    }
}

fn with_reason(code: Code, message: String, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, std::collections::HashMap::new());
    Status::with_error_details(code, message, details)
}

/// Shows an error with all its sources on one line.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(out, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// One rule that one field of a request breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's name, as in the proto message.
    pub field: String,
    /// The rule, e.g. `must be 2 to 20 characters`.
    pub rule: String,
}

/// Every rule that a request breaks, collected before it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes a broken rule.
    pub fn add(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.0.push(Violation { field: field.into(), rule: rule.into() });
    }

    /// Notes `rule` unless `holds`.
    pub fn check(&mut self, holds: bool, field: &'static str, rule: &str) {
        if !holds {
            self.add(field, rule);
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first ones, as many as fit into `limit` bytes, and then how many more there are.
    fn within(mut self, limit: usize) -> Self {
        // What stands around each violation.
        const AROUND: usize = 8;
        let mut bytes = 0;
        let fitting = self.0.iter().take_while(|violation| {
            bytes += violation.field.len() + violation.rule.len() + AROUND;
            bytes <= limit
        });
        let kept = fitting.count();
        let left_out = self.0.len() - kept;
        if left_out > 0 {
            self.0.truncate(kept);
            self.add("request", format!("breaks {left_out} more rules"));
        }
        self
    }

    /// `Err` with everything noted, if anything was.
    pub fn into_result(self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Invalid(self)) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(out, "{separator}{}: {}", violation.field, violation.rule)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_request_lists_every_violation() {
        let mut violations = Violations::default();
        violations.add("nickname", "must be 2 to 20 characters");
        violations.check(false, "birth_year", "must be 1900 or later");
        violations.check(true, "mbti", "never shown");
        let status = Status::from(violations.into_result().unwrap_err());
        assert_eq!(status.code(), Code::InvalidArgument);
        let fields = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["nickname", "birth_year"]);
    }

    #[test]
    fn more_violations_than_a_header_holds_are_counted() {
        let mut violations = Violations::default();
        for number in 0..1000 {
            violations.add(format!("cut_scenes.{number}"), "darf nicht länger sein");
        }
        let status = Status::from(violations.into_result().unwrap_err());
        let fields = status.get_details_bad_request().unwrap().field_violations;
        let last = fields.last().unwrap();
        let more = format!("breaks {} more rules", 1000 - (fields.len() - 1));
        assert_eq!((last.field.as_str(), last.description.as_str()), ("request", more.as_str()));
        assert_eq!(fields[0].field, "cut_scenes.0");
        assert!(fields.len() > 40, "{}", fields.len());

        let headers = status.into_http::<()>().into_parts().0.headers;
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(bytes < 16 * 1024, "{bytes}");
    }

    #[test]
    fn the_cause_of_an_internal_error_stays_inside() {
        let status = Status::from(Error::internal("password=hunter2"));
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    }

    #[test]
    fn a_reason_travels_with_the_status() {
        let status = Status::from(Error::PermissionDenied {
            reason: NO_REMAINING_TOKENS,
            message: "none left".into(),
        });
        assert_eq!(status.get_details_error_info().unwrap().reason, NO_REMAINING_TOKENS);
    }
}
