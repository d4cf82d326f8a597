//! The chat completions protocol, as far as it is used here.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>.

use serde::{Deserialize, Serialize};

use crate::assistant::Usage;

/// A request for a streamed completion.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: &'a [Message],
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a serde_json::Value>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        model: &'a str,
        messages: &'a [Message],
        temperature: Option<f64>,
        response_format: Option<&'a serde_json::Value>,
    ) -> Self {
        let stream_options = StreamOptions { include_usage: true };
        Self { model, messages, stream: true, stream_options, temperature, response_format }
    }
}

/// A part of the conversation with the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    System,
    User,
    Assistant,
}

impl Message {
    pub(super) fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// One event of a stream: a part of the answer, what it took, or that something went wrong.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<Taken>,
    #[serde(default)]
    pub(super) error: Option<Fault>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) delta: Delta,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) refusal: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Taken {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

impl From<Taken> for Usage {
    fn from(taken: Taken) -> Self {
        Self { input_tokens: taken.prompt_tokens, output_tokens: taken.completion_tokens }
    }
}

/// The body of an answer that is an error.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: Fault,
}

/// An error. Its message is never read: it may quote what was said, or the key.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    code: Option<serde_json::Value>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Fault {
    /// What it is called, if that looks like a name and not like a text.
    pub(super) fn name(&self) -> Option<&str> {
        let code = self.code.as_ref().and_then(serde_json::Value::as_str);
        let is_name = |name: &&str| {
            (1..=40).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        code.filter(is_name).or(self.kind.as_deref().filter(is_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_name_alone() {
        let name =
            |body: &str| serde_json::from_str::<ErrorBody>(body).unwrap().error.name().map(str::to_owned);
        let body = r#"{"error":{"message":"You said: secret","type":"invalid_request_error","code":null}}"#;
        assert_eq!(name(body).as_deref(), Some("invalid_request_error"));
        assert_eq!(
            name(r#"{"error":{"code":"content_filter","type":"x"}}"#).as_deref(),
            Some("content_filter")
        );
        assert_eq!(name(r#"{"error":{"code":429,"type":"You said: sk-secret"}}"#), None);
    }

    #[test]
    fn what_a_model_refuses_is_left_out() {
        let messages = [Message::new(Role::User, "hi")];
        let request = serde_json::to_value(Request::new("m", &messages, None, None)).unwrap();
        assert_eq!(
            request,
            serde_json::json!({
                "model": "m", "messages": [{"role": "user", "content": "hi"}],
                "stream": true, "stream_options": {"include_usage": true}
            })
        );
    }
}
