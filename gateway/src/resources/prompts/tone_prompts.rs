//! Tone prompts: how a tone sounds, in a version.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::OfToneQuery;
use crate::App;
use crate::dto::{self, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, Params, PathIds};
use crate::session::Session;
use crate::upstream::promised;

/// How a tone sounds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TonePrompt {
    id: String,
    prompt_version_id: String,
    tone_id: String,
    body: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::TonePrompt> for TonePrompt {
    type Error = ApiError;

    fn try_from(prompt: v1::TonePrompt) -> Result<Self, ApiError> {
        Ok(Self {
            id: prompt.id,
            prompt_version_id: prompt.prompt_version_id,
            tone_id: prompt.tone_id,
            body: prompt.body,
            times: Times::new(prompt.created_at, prompt.updated_at, prompt.deleted_at)?,
        })
    }
}

/// One tone prompt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TonePromptData {
    tone_prompt: TonePrompt,
}

/// Tone prompts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TonePrompts {
    tone_prompts: Vec<TonePrompt>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a tone prompt.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TonePromptId {
    #[serde(rename = "tone-prompt-id")]
    tone_prompt_id: String,
}

impl PathIds for TonePromptId {}

/// The tone prompts of a version.
#[utoipa::path(
    get,
    path = "/tone-prompts",
    tag = "prompts",
    params(OfToneQuery, PageQuery),
    responses((status = 200, body = Envelope<TonePrompts>), Errors)
)]
pub async fn list_tone_prompts(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<OfToneQuery>,
    page: PageQuery,
) -> Answer<TonePrompts> {
    let (prompt_version_id, tone_id) = query.read()?;
    let request = v1::ListTonePromptsRequest { prompt_version_id, tone_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_tone_prompts(request).await?.into_inner();
    Ok(Success::ok(TonePrompts {
        tone_prompts: dto::all(answer.tone_prompts)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One tone prompt.
#[utoipa::path(
    get,
    path = "/tone-prompts/{tone-prompt-id}",
    tag = "prompts",
    params(TonePromptId),
    responses((status = 200, body = Envelope<TonePromptData>), Errors)
)]
pub async fn get_tone_prompt(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(TonePromptId { tone_prompt_id }): Ids<TonePromptId>,
) -> Answer<TonePromptData> {
    let request = app.upstream.request(session.caller(), v1::GetTonePromptRequest { tone_prompt_id });
    let answer = app.upstream.prompts().get_tone_prompt(request).await?.into_inner();
    Ok(Success::ok(TonePromptData { tone_prompt: promised(answer.tone_prompt, "tone_prompt")?.try_into()? }))
}

/// How a tone sounds from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpsertTonePrompt {
    #[schema(format = Uuid)]
    tone_id: String,
    #[schema(min_length = 1, max_length = 10_000)]
    body: String,
}

/// Gives a tone its prompt in the draft.
#[utoipa::path(
    put,
    path = "/prompt-versions/temporary-version/tone-prompts",
    tag = "prompts",
    request_body = UpsertTonePrompt,
    responses((status = 200, body = Envelope<TonePromptData>), Errors)
)]
pub async fn upsert_tone_prompt(
    State(app): State<Arc<App>>,
    session: Session,
    Body(UpsertTonePrompt { tone_id, body }): Body<UpsertTonePrompt>,
) -> Answer<TonePromptData> {
    let request = app.upstream.request(session.caller(), v1::UpsertTonePromptRequest { tone_id, body });
    let answer = app.upstream.prompts().upsert_tone_prompt(request).await?.into_inner();
    Ok(Success::ok(TonePromptData { tone_prompt: promised(answer.tone_prompt, "tone_prompt")?.try_into()? }))
}
