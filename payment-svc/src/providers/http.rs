//! Requests to providers: JSON or forms, bounded in time and in size, and never redirected.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::https::{self, HttpsClient, HttpsSetupError};
use shared::time::Clock;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::ProviderError;

/// The most bytes of an answer.
const MOST_BYTES: usize = 256 * 1024;
/// Repeats of a request with the same key are one request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How long a request is not made anew that has failed for a passing reason; see [`later_key`].
const PAUSE: Duration = Duration::from_secs(60);

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
    /// What every request says besides.
    headers: Vec<(&'static str, &'static str)>,
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
        Ok(Self { client, settings, authorization, headers: Vec::new() })
    }

    /// Says this with every request as well.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// As [`ask`](Self::ask), of a provider whose status says it all.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] also when the answer tells that the provider is at fault or busy.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Body,
    ) -> Result<Answer, ProviderError> {
        let answer = self.ask(method, path, idempotency_key, body).await?;
        if answer.is_passing() { Err(answer.unreachable()) } else { Ok(answer) }
    }

    /// Sends a request and reads the whole answer, whatever it tells.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] when there is none in time.
    pub async fn ask(
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
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| ProviderError::Refused(error.to_string()))?;
        let asked = async {
            let (head, body) = self.client.request(request).await.map_err(unreachable)?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await.map_err(unreachable)?;
            let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            if head.status == StatusCode::UNAUTHORIZED {
                tracing::error!("a provider of payments does not take our key");
            }
            Ok(Answer { status: head.status, body })
        };
        tokio::time::timeout(self.settings.limit, asked)
            .await
            .map_err(|_| ProviderError::Unreachable(format!("no answer within {:?}", self.settings.limit)))?
    }
}

fn unreachable(error: impl std::fmt::Display) -> ProviderError {
    ProviderError::Unreachable(error.to_string())
}

impl Answer {
    /// Whether the provider is at fault or busy. 409 of a provider is another request with the same key that is still
    /// being worked on.
    pub fn is_passing(&self) -> bool {
        self.status.is_server_error() || self.is_busy()
    }

    /// Whether the provider has not even begun with the request, or not ended with the same one before it.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT
        )
    }

    /// That nobody knows what was done.
    pub fn unreachable(&self) -> ProviderError {
        ProviderError::Unreachable(format!("it answers {}", self.status))
    }

    /// A text of the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    /// The body, or a part of it.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] when it is something else: what was done is then anybody's guess.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, ProviderError> {
        let part = self.body.pointer(pointer).cloned().unwrap_or_default();
        serde_json::from_value(part)
            .map_err(|error| ProviderError::Unreachable(format!("its answer cannot be read: {error}")))
    }
}

/// Names and values as a form, or as the query of an address.
pub fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A text as one segment of a path, whatever it holds.
pub fn segment(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The key of a request that is made anew.
///
/// Providers keep what they answered to a key, for one day or fifteen, and answer that again: also that something
/// failed for the moment. So a request that has failed in this way (it was answered, and a look shows that nothing was
/// done) goes out once more under this key, which changes every minute.
pub fn later_key(key: &str) -> String {
    let minute = Clock::system().now().as_micros() / i64::try_from(PAUSE.as_micros()).unwrap_or(i64::MAX);
    format!("{key}:{minute}")
}
