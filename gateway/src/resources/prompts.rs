//! Prompts: for admins.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use shared::{Violations, id};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, api_enum};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::Params;
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// The model that counselors speak with.
    AiModel {
        Gpt35Turbo = "AI_MODEL_GPT_3_5_TURBO",
        Gpt4 = "AI_MODEL_GPT_4",
        Gpt4o = "AI_MODEL_GPT_4O",
        Gpt4oMini = "AI_MODEL_GPT_4O_MINI",
        Gpt5Mini = "AI_MODEL_GPT_5_MINI",
        Gpt5 = "AI_MODEL_GPT_5",
        Gpt5Chat = "AI_MODEL_GPT_5_CHAT",
        Gemini25Flash = "AI_MODEL_GEMINI_2_5_FLASH",
        Gemini25Pro = "AI_MODEL_GEMINI_2_5_PRO",
    }
}

/// A version of all prompts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptVersion {
    id: String,
    name: String,
    description: String,
    is_active: bool,
    is_temporary: bool,
    is_bookmarked: bool,
    ai_model: AiModel,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::PromptVersion> for PromptVersion {
    type Error = ApiError;

    fn try_from(version: v1::PromptVersion) -> Result<Self, ApiError> {
        Ok(Self {
            id: version.id,
            name: version.name,
            description: version.description,
            is_active: version.is_active,
            is_temporary: version.is_temporary,
            is_bookmarked: version.is_bookmarked,
            ai_model: promised(AiModel::of(version.ai_model), "ai_model")?,
            times: Times::new(version.created_at, version.updated_at, version.deleted_at)?,
        })
    }
}

/// One version.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptVersionData {
    prompt_version: PromptVersion,
}

/// The version that new counsels use.
#[utoipa::path(
    get,
    path = "/prompt-versions/active-version",
    tag = "prompts",
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn get_active_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
) -> Answer<PromptVersionData> {
    let request = app.upstream.request(session.caller(), v1::GetActivePromptVersionRequest {})?;
    let answer = app.upstream.prompts().get_active_prompt_version(request).await?.into_inner();
    let prompt_version = promised(answer.prompt_version, "prompt_version")?.try_into()?;
    Ok(Success::ok(PromptVersionData { prompt_version }))
}

/// A technique that a counselor of a tone talks by.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselTechnique {
    id: String,
    prompt_version_id: String,
    name: String,
    tone_id: String,
    context: String,
    instruction: String,
    message_threshold: i32,
    is_start_technique: bool,
    temperature: f64,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::CounselTechnique> for CounselTechnique {
    type Error = ApiError;

    fn try_from(technique: v1::CounselTechnique) -> Result<Self, ApiError> {
        Ok(Self {
            id: technique.id,
            prompt_version_id: technique.prompt_version_id,
            name: technique.name,
            tone_id: technique.tone_id,
            context: technique.context,
            instruction: technique.instruction,
            message_threshold: technique.message_threshold,
            is_start_technique: technique.is_start_technique,
            temperature: technique.temperature,
            times: Times::new(technique.created_at, technique.updated_at, technique.deleted_at)?,
        })
    }
}

/// Techniques.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselTechniques {
    counsel_techniques: Vec<CounselTechnique>,
}

/// Which techniques.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TechniquesQuery {
    prompt_version_id: String,
    tone_id: Option<String>,
}

impl TechniquesQuery {
    fn check(&self) -> Result<(), ApiError> {
        let ids = [("promptVersionId", Some(&self.prompt_version_id)), ("toneId", self.tone_id.as_ref())];
        let malformed = |(name, value): (&'static str, Option<&String>)| {
            let mut violations = Violations::default();
            id::check_id(name, value?, &mut violations);
            (!violations.is_empty()).then(|| violations.to_string())
        };
        let details: Vec<_> = ids.into_iter().filter_map(malformed).collect();
        if details.is_empty() { Ok(()) } else { Err(ApiError::invalid(details)) }
    }
}

/// The techniques of a version.
#[utoipa::path(
    get,
    path = "/counsel-techniques",
    tag = "prompts",
    params(TechniquesQuery),
    responses((status = 200, body = Envelope<CounselTechniques>), Errors)
)]
pub async fn list_counsel_techniques(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<TechniquesQuery>,
) -> Answer<CounselTechniques> {
    query.check()?;
    let request = v1::ListCounselTechniquesRequest {
        prompt_version_id: query.prompt_version_id,
        tone_id: query.tone_id,
        page: None,
    };
    let request = app.upstream.request(session.caller(), request)?;
    let answer = app.upstream.prompts().list_counsel_techniques(request).await?.into_inner();
    Ok(Success::ok(CounselTechniques { counsel_techniques: dto::all(answer.counsel_techniques)? }))
}
