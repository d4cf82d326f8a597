//! Versions of all prompts.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, IsSuccess, Times, api_enum, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, Params, PathIds};
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

impl PromptVersionData {
    pub(super) fn answer(version: Option<v1::PromptVersion>) -> Answer<Self> {
        Ok(Success::ok(Self { prompt_version: promised(version, "prompt_version")?.try_into()? }))
    }
}

/// Versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptVersions {
    prompt_versions: Vec<PromptVersion>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PromptVersionId {
    #[serde(rename = "prompt-version-id")]
    pub(super) prompt_version_id: String,
}

impl PathIds for PromptVersionId {}

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PromptVersionsQuery {
    /// Part of the name, whatever the case of its letters.
    #[param(max_length = 100)]
    name: Option<String>,
    #[serde(rename = "is-bookmarked")]
    is_bookmarked: Option<bool>,
}

/// The saved versions, newest first. The draft has a route of its own.
#[utoipa::path(
    get,
    path = "/prompt-versions",
    tag = "prompts",
    params(PromptVersionsQuery, PageQuery),
    responses((status = 200, body = Envelope<PromptVersions>), Errors)
)]
pub async fn list_prompt_versions(
    State(app): State<Arc<App>>,
    session: Session,
    Params(PromptVersionsQuery { name, is_bookmarked }): Params<PromptVersionsQuery>,
    page: PageQuery,
) -> Answer<PromptVersions> {
    let request = v1::ListPromptVersionsRequest { name, is_bookmarked, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_prompt_versions(request).await?.into_inner();
    Ok(Success::ok(PromptVersions {
        prompt_versions: dto::all(answer.prompt_versions)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One version.
#[utoipa::path(
    get,
    path = "/prompt-versions/{prompt-version-id}",
    tag = "prompts",
    params(PromptVersionId),
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn get_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PromptVersionId { prompt_version_id }): Ids<PromptVersionId>,
) -> Answer<PromptVersionData> {
    let request = app.upstream.request(session.caller(), v1::GetPromptVersionRequest { prompt_version_id });
    let answer = app.upstream.prompts().get_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
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
    let request = app.upstream.request(session.caller(), v1::GetActivePromptVersionRequest {});
    let answer = app.upstream.prompts().get_active_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}

/// What changes; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePromptVersion {
    /// Unique among the saved versions.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    is_bookmarked: Option<bool>,
    ai_model: Option<AiModel>,
}

/// Changes a version's name and the like. 409 when another saved version has the name.
#[utoipa::path(
    put,
    path = "/prompt-versions/{prompt-version-id}",
    tag = "prompts",
    params(PromptVersionId),
    request_body = UpdatePromptVersion,
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn update_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PromptVersionId { prompt_version_id }): Ids<PromptVersionId>,
    Body(body): Body<UpdatePromptVersion>,
) -> Answer<PromptVersionData> {
    let request = v1::UpdatePromptVersionRequest {
        prompt_version_id,
        name: body.name,
        description: body.description,
        is_bookmarked: body.is_bookmarked,
        ai_model: body.ai_model.map(i32::from),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().update_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}

/// Deletes a version other than the active one. Counsels that use it go on with it; a repeat changes nothing.
#[utoipa::path(
    delete,
    path = "/prompt-versions/{prompt-version-id}",
    tag = "prompts",
    params(PromptVersionId),
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn delete_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PromptVersionId { prompt_version_id }): Ids<PromptVersionId>,
) -> Answer<IsSuccess> {
    let request =
        app.upstream.request(session.caller(), v1::DeletePromptVersionRequest { prompt_version_id });
    app.upstream.prompts().delete_prompt_version(request).await?;
    Ok(Success::ok(IsSuccess::yes()))
}

/// Makes a saved version the one that new counsels use, in the place of the one before.
///
/// Refused with 400 while a counselor or a tone would miss something; `details` lists each.
#[utoipa::path(
    post,
    path = "/prompt-versions/{prompt-version-id}/activate",
    tag = "prompts",
    params(PromptVersionId),
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn activate_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PromptVersionId { prompt_version_id }): Ids<PromptVersionId>,
) -> Answer<PromptVersionData> {
    let request =
        app.upstream.request(session.caller(), v1::ActivatePromptVersionRequest { prompt_version_id });
    let answer = app.upstream.prompts().activate_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}
