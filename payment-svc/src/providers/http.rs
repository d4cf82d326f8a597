//! Requests to providers: JSON or forms, bounded in time and in size, and never redirected.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use shared::https::{self, HttpsClient, HttpsSetupError};

use super::ProviderError;

/// The most bytes of an answer.
const MOST_BYTES: usize = 256 * 1024;
/// Repeats of a request with the same key are one request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Where a provider is, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where its API begins, without a slash at the end.
    pub url: String,
    /// How long one answer may take.
    pub limit: Duration,
}

/// Asks one provider.
pub struct Http {
    client: HttpsClient<Full<Bytes>>,
    settings: HttpSettings,
    authorization: HeaderValue,
}

/// What is sent.
pub enum Body {
    None,
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(String),
}

/// An answer, of whatever status.
pub struct Answer {
    pub status: StatusCode,
    /// Null when it is not JSON.
    pub body: Value,
}

impl Http {
    /// With the value of the header `Authorization`.
    ///
    /// # Errors
    /// When this system trusts no authorities, or the value is none of a header.
    pub fn new(settings: HttpSettings, authorization: &str) -> Result<Self, HttpsSetupError> {
        let client = https::client(settings.url.starts_with("https"))?;
        let mut authorization = HeaderValue::from_str(authorization)
            .map_err(|_| HttpsSetupError::new("a provider's key holds what no header can"))?;
        authorization.set_sensitive(true);
        Ok(Self { client, settings, authorization })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] when there is none in time, or it tells that the provider is at fault or busy.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Body,
    ) -> Result<Answer, ProviderError> {
        let (content_type, body) = match body {
            Body::None => (None, Bytes::new()),
            Body::Json(value) => (Some("application/json"), value.to_string().into()),
            Body::Form(form) => (Some("application/x-www-form-urlencoded"), form.into()),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.settings.url))
            .header(AUTHORIZATION, &self.authorization);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| ProviderError::Refused(error.to_string()))?;
        let asked = async {
            let (head, body) = self.client.request(request).await.map_err(unreachable)?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await.map_err(unreachable)?;
            let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            Ok(Answer { status: head.status, body })
        };
        let answer: Answer = tokio::time::timeout(self.settings.limit, asked).await.map_err(|_| {
            ProviderError::Unreachable(format!("no answer within {:?}", self.settings.limit))
        })??;
        let status = answer.status;
        // 409 of a provider is another request with the same key that is still being worked on.
        let is_passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT
            );
        if is_passing { Err(ProviderError::Unreachable(format!("it answers {status}"))) } else { Ok(answer) }
    }
}

fn unreachable(error: impl std::fmt::Display) -> ProviderError {
    ProviderError::Unreachable(error.to_string())
}

impl Answer {
    /// A text of the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }
}
