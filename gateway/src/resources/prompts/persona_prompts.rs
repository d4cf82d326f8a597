//! Persona prompts: what a counselor is, in a version.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, Params, PathIds, check_ids};
use crate::session::Session;
use crate::upstream::promised;

/// What a counselor is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonaPrompt {
    id: String,
    prompt_version_id: String,
    counselor_id: String,
    body: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::PersonaPrompt> for PersonaPrompt {
    type Error = ApiError;

    fn try_from(prompt: v1::PersonaPrompt) -> Result<Self, ApiError> {
        Ok(Self {
            id: prompt.id,
            prompt_version_id: prompt.prompt_version_id,
            counselor_id: prompt.counselor_id,
            body: prompt.body,
            times: Times::new(prompt.created_at, prompt.updated_at, prompt.deleted_at)?,
        })
    }
}

/// One persona prompt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonaPromptData {
    persona_prompt: PersonaPrompt,
}

/// Persona prompts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonaPrompts {
    persona_prompts: Vec<PersonaPrompt>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a persona prompt.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PersonaPromptId {
    #[serde(rename = "persona-prompt-id")]
    persona_prompt_id: String,
}

impl PathIds for PersonaPromptId {}

/// Which persona prompts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PersonaPromptsQuery {
    #[param(format = Uuid)]
    prompt_version_id: String,
    /// Left out: of every counselor.
    #[param(format = Uuid)]
    counselor_id: Option<String>,
}

/// The persona prompts of a version.
#[utoipa::path(
    get,
    path = "/persona-prompts",
    tag = "prompts",
    params(PersonaPromptsQuery, PageQuery),
    responses((status = 200, body = Envelope<PersonaPrompts>), Errors)
)]
pub async fn list_persona_prompts(
    State(app): State<Arc<App>>,
    session: Session,
    Params(PersonaPromptsQuery { prompt_version_id, counselor_id }): Params<PersonaPromptsQuery>,
    page: PageQuery,
) -> Answer<PersonaPrompts> {
    check_ids([("promptVersionId", Some(&prompt_version_id)), ("counselorId", counselor_id.as_ref())])?;
    let request = v1::ListPersonaPromptsRequest { prompt_version_id, counselor_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_persona_prompts(request).await?.into_inner();
    Ok(Success::ok(PersonaPrompts {
        persona_prompts: dto::all(answer.persona_prompts)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One persona prompt.
#[utoipa::path(
    get,
    path = "/persona-prompts/{persona-prompt-id}",
    tag = "prompts",
    params(PersonaPromptId),
    responses((status = 200, body = Envelope<PersonaPromptData>), Errors)
)]
pub async fn get_persona_prompt(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PersonaPromptId { persona_prompt_id }): Ids<PersonaPromptId>,
) -> Answer<PersonaPromptData> {
    let request = app.upstream.request(session.caller(), v1::GetPersonaPromptRequest { persona_prompt_id });
    let answer = app.upstream.prompts().get_persona_prompt(request).await?.into_inner();
    Ok(Success::ok(PersonaPromptData {
        persona_prompt: promised(answer.persona_prompt, "persona_prompt")?.try_into()?,
    }))
}

/// What a counselor is from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpsertPersonaPrompt {
    #[schema(format = Uuid)]
    counselor_id: String,
    #[schema(min_length = 1, max_length = 10_000)]
    body: String,
}

/// Gives a counselor its prompt in the draft.
#[utoipa::path(
    put,
    path = "/prompt-versions/temporary-version/persona-prompts",
    tag = "prompts",
    request_body = UpsertPersonaPrompt,
    responses((status = 200, body = Envelope<PersonaPromptData>), Errors)
)]
pub async fn upsert_persona_prompt(
    State(app): State<Arc<App>>,
    session: Session,
    Body(UpsertPersonaPrompt { counselor_id, body }): Body<UpsertPersonaPrompt>,
) -> Answer<PersonaPromptData> {
    let request =
        app.upstream.request(session.caller(), v1::UpsertPersonaPromptRequest { counselor_id, body });
    let answer = app.upstream.prompts().upsert_persona_prompt(request).await?.into_inner();
    Ok(Success::ok(PersonaPromptData {
        persona_prompt: promised(answer.persona_prompt, "persona_prompt")?.try_into()?,
    }))
}
