//! One attempt at a completion: sends a request and follows its stream to the end.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource};
use futures::{Stream, StreamExt, stream};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use shared::https::{self, HttpsClient};

use super::patience;
use super::settings::ModelSettings;
use super::wire::{Chunk, ErrorBody, Fault, Request};
use crate::assistant::Usage;

/// The most bytes that are read of an error.
const LONGEST_ERROR: usize = 64 * 1024;
/// The most bytes of an answer; what is longer was not asked for.
const LONGEST_ANSWER: usize = 64 * 1024;
/// A byte order mark, in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The most bytes of the stream that an answer comes in, with an event for every word.
const LONGEST_STREAM: usize = 64 * LONGEST_ANSWER;

/// A connection to a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the models cannot be reached from here: {0}")]
pub struct ModelSetupError(String);

impl ModelSetupError {
    pub(super) fn new(what: String) -> Self {
        Self(what)
    }
}

/// A client of one provider. It follows no redirect: the address is the operator's to give.
#[derive(Debug)]
pub(super) struct ModelClient {
    http: HttpsClient<Full<Bytes>>,
    endpoint: Uri,
    authorization: Option<HeaderValue>,
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) text: String,
    pub(super) usage: Usage,
}

/// Why an attempt gave no answer. The texts hold status codes and names of errors, never what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// Another attempt may go well, after what the provider asks to wait.
    Passing { what: String, wait: Option<Duration> },
    /// Until somebody mends it, no attempt goes well: the key, the model's name, the quota.
    Lasting(String),
    /// The provider will not answer this.
    Refused(String),
    /// There is an answer that is none.
    Unusable(String),
}

impl CallError {
    fn broken(what: impl Into<String>) -> Self {
        Self::Passing { what: what.into(), wait: None }
    }
}

impl ModelClient {
    pub(super) fn new(settings: &ModelSettings) -> Result<Self, ModelSetupError> {
        let fault = |what: &str| ModelSetupError(what.to_owned());
        let base = settings.base_url.to_string();
        let endpoint = format!("{}/chat/completions", base.trim_end_matches('/'));
        let endpoint =
            endpoint.parse().map_err(|_| fault("MODEL_BASE_URL is not the beginning of an address"))?;
        let authorization = match &settings.api_key {
            Some(key) => {
                let header = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
                let mut header =
                    header.map_err(|_| fault("MODEL_API_KEY holds a character that no key has"))?;
                header.set_sensitive(true);
                Some(header)
            }
            None => None,
        };
        let is_encrypted = settings.base_url.scheme_str() == Some("https");
        let http = https::client(is_encrypted).map_err(|error| ModelSetupError(error.to_string()))?;
        Ok(Self { http, endpoint, authorization })
    }

    /// Asks once. Every part of the answer is given to `said` as it comes, also of an answer that breaks off.
    pub(super) async fn complete(
        &self,
        request: &Request<'_>,
        mut said: impl FnMut(&str) + Send,
    ) -> Result<Completion, CallError> {
        let body = serde_json::to_vec(request)
            .map_err(|_| CallError::Unusable("the request cannot be written".to_owned()))?;
        let mut builder = http::Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream");
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let request = builder
            .body(Full::from(body))
            .map_err(|_| CallError::Unusable("the request cannot be written".to_owned()))?;
        let response = self.http.request(request).await.map_err(|error| {
            let what = if error.is_connect() { "no connection" } else { "the connection broke" };
            CallError::broken(what)
        })?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(CallError::Unusable("it is no stream".to_owned()));
        }
        follow(response.into_body(), &mut said).await
    }
}

/// What an answer without success means.
async fn refusal(response: http::Response<Incoming>) -> CallError {
    let status = response.status();
    let wait = patience::asked_for(response.headers(), SystemTime::now());
    let body = Limited::new(response.into_body(), LONGEST_ERROR).collect().await;
    let fault = body.ok().and_then(|body| serde_json::from_slice::<ErrorBody>(&body.to_bytes()).ok());
    let fault = fault.map(|body| body.error).unwrap_or_default();
    let what = match fault.name() {
        Some(name) => format!("{} {name}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS if fault.name() == Some("insufficient_quota") => {
            CallError::Lasting(what)
        }
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::CONFLICT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => CallError::Passing { what, wait },
        StatusCode::UNAUTHORIZED
        | StatusCode::PAYMENT_REQUIRED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => CallError::Lasting(what),
        status if status.is_client_error() => CallError::Refused(what),
        status if status.is_server_error() => CallError::Passing { what, wait },
        _ => CallError::Lasting(what),
    }
}

/// Reads a stream until it says that the answer is whole.
async fn follow<B>(body: B, said: &mut (impl FnMut(&str) + Send)) -> Result<Completion, CallError>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
{
    // An event is kept until it is whole, and a comment is told to nobody: neither may be without an end.
    let parts = Limited::new(body, LONGEST_STREAM).into_data_stream();
    let mut events = without_mark(parts).eventsource();
    let (mut completion, mut finished) = (Completion::default(), None);
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| match error {
            EventStreamError::Transport(cause) if cause.is::<LengthLimitError>() => {
                CallError::Unusable("it does not end".to_owned())
            }
            _ => CallError::broken("the stream broke"),
        })?;
        if event.data.trim() == "[DONE]" {
            break;
        }
        let chunk: Chunk = serde_json::from_str(&event.data)
            .map_err(|_| CallError::broken("the stream holds something else than JSON"))?;
        if let Some(fault) = chunk.error {
            return Err(broken_by(&fault));
        }
        if let Some(usage) = chunk.usage {
            completion.usage = usage.into();
        }
        // Only one answer is asked for.
        let Some(choice) = chunk.choices.into_iter().next() else { continue };
        if choice.delta.refusal.is_some_and(|refusal| !refusal.is_empty()) {
            return Err(CallError::Refused("the model refused".to_owned()));
        }
        if let Some(delta) = choice.delta.content.filter(|delta| !delta.is_empty()) {
            completion.text.push_str(&delta);
            if completion.text.len() > LONGEST_ANSWER {
                return Err(CallError::Unusable("it does not end".to_owned()));
            }
            said(&delta);
        }
        finished = choice.finish_reason.or(finished);
    }
    match finished.as_deref() {
        None => Err(CallError::broken("the stream ended too early")),
        Some("stop") if completion.text.trim().is_empty() => {
            Err(CallError::Unusable("it is empty".to_owned()))
        }
        Some("stop") => Ok(completion),
        Some("content_filter") => Err(CallError::Refused("content_filter".to_owned())),
        Some("length") => Err(CallError::Unusable("it was cut off".to_owned())),
        Some(_) => Err(CallError::Unusable("it ends in an unknown way".to_owned())),
    }
}

/// Takes the byte order mark away that a stream may begin with (HTML, section 9.2.5). The parser would cut it in the
/// middle, and panic: it looks for one before the first character, which is now the end of an empty line.
fn without_mark<E>(
    parts: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> impl Stream<Item = Result<Bytes, E>> + Unpin {
    let mut beginning = Some(Vec::new());
    let parts = parts.map(move |part| -> Result<Bytes, E> {
        let part = part?;
        let Some(mut bytes) = beginning.take() else { return Ok(part) };
        bytes.extend_from_slice(&part);
        if bytes.len() < MARK.len() && MARK.starts_with(&bytes) {
            beginning = Some(bytes);
            return Ok(Bytes::new());
        }
        Ok(Bytes::copy_from_slice(bytes.strip_prefix(MARK).unwrap_or(&bytes)))
    });
    stream::iter([Ok(Bytes::from_static(b"\n"))]).chain(parts)
}

/// An error in the middle of a stream.
fn broken_by(fault: &Fault) -> CallError {
    match fault.name() {
        Some(name @ "content_filter") => CallError::Refused(name.to_owned()),
        Some(name) => CallError::broken(format!("the stream ended with {name}")),
        None => CallError::broken("the stream ended with an error"),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::executor::block_on;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use shared::testkit::Corpus;

    use super::*;

    /// Follows a stream that comes in parts of so many bytes: the answer, and what was said meanwhile.
    fn followed(input: &[u8], part: usize) -> (Result<Completion, CallError>, String) {
        let parts: Vec<_> = input.chunks(part).map(Bytes::copy_from_slice).collect();
        let frames = parts.into_iter().map(|part| Ok::<_, Infallible>(Frame::data(part)));
        let mut heard = String::new();
        let answer =
            block_on(follow(StreamBody::new(stream::iter(frames)), &mut |delta: &str| heard.push_str(delta)));
        (answer, heard)
    }

    #[test]
    fn a_stream_is_an_answer_or_a_failure_however_it_is_cut() {
        Corpus::of(env!("CARGO_MANIFEST_DIR"), "streams").check(file!(), |input| {
            let (whole, heard) = followed(input, input.len().max(1));
            if let Ok(Completion { text, .. }) = &whole {
                assert_eq!(text, &heard);
                assert!(!text.trim().is_empty());
            }
            assert!(heard.len() <= LONGEST_ANSWER);
            // The parser begins a line anew with every part of it: many parts of a long line are slow.
            let least = input.len() / 256 + 1;
            for part in [least, least * 7] {
                assert_eq!(followed(input, part), (whole.clone(), heard.clone()), "in parts of {part}");
            }
        });
    }

    #[test]
    fn a_stream_that_says_nothing_ends_some_time() {
        for endless in ["data: ", ": "] {
            let input = format!("{endless}{}", "x".repeat(LONGEST_STREAM));
            let (answer, heard) = followed(input.as_bytes(), LONGEST_STREAM);
            assert_eq!(answer, Err(CallError::Unusable("it does not end".to_owned())), "{endless}");
            assert!(heard.is_empty());
        }
    }

    #[test]
    fn what_an_error_tells_of_itself_is_its_name() {
        let errors = [
            r#"{"error":{"message":"You said: secret","type":"invalid_request_error","code":null}}"#,
            r#"{"error":{"code":429}}"#,
        ];
        Corpus::new(errors).check(file!(), |body| {
            let Ok(body) = serde_json::from_slice::<ErrorBody>(body) else { return };
            let is_name = |name: &str| {
                name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            };
            assert!(body.error.name().is_none_or(is_name));
        });
    }
}
