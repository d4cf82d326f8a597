//! The draft: the one version whose prompts, techniques and rules can be changed.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use shared::proto::v1;
use utoipa::ToSchema;

use super::versions::{AiModel, PromptVersionData, PromptVersionId};
use crate::App;
use crate::envelope::{Answer, Envelope, Errors};
use crate::input::{Body, Ids};
use crate::session::Session;

/// The draft. When there is none, a copy of the active version becomes it.
#[utoipa::path(
    get,
    path = "/prompt-versions/temporary-version",
    tag = "prompts",
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn get_temporary_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
) -> Answer<PromptVersionData> {
    let request = app.upstream.request(session.caller(), v1::GetTemporaryPromptVersionRequest {});
    let answer = app.upstream.prompts().get_temporary_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}

/// Makes a copy of a saved version the draft, in the place of the draft before. Everything in it has new ids.
#[utoipa::path(
    put,
    path = "/prompt-versions/temporary-version/{prompt-version-id}",
    tag = "prompts",
    params(PromptVersionId),
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn clone_to_temporary_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(PromptVersionId { prompt_version_id }): Ids<PromptVersionId>,
) -> Answer<PromptVersionData> {
    let request = v1::CloneToTemporaryPromptVersionRequest { prompt_version_id };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().clone_to_temporary_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}

/// How the draft is saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavePromptVersion {
    /// Unique among the saved versions.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(max_length = 1000)]
    description: String,
    is_bookmarked: bool,
    ai_model: AiModel,
}

/// The draft becomes a saved version, under the same id. 409 when another saved version has the name.
#[utoipa::path(
    put,
    path = "/prompt-versions/temporary-version",
    tag = "prompts",
    request_body = SavePromptVersion,
    responses((status = 200, body = Envelope<PromptVersionData>), Errors)
)]
pub async fn save_temporary_prompt_version(
    State(app): State<Arc<App>>,
    session: Session,
    Body(body): Body<SavePromptVersion>,
) -> Answer<PromptVersionData> {
    let request = v1::SaveTemporaryPromptVersionRequest {
        name: body.name,
        description: body.description,
        is_bookmarked: body.is_bookmarked,
        ai_model: body.ai_model.into(),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().save_temporary_prompt_version(request).await?.into_inner();
    PromptVersionData::answer(answer.prompt_version)
}
