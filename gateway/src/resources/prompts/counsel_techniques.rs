//! Counsel techniques: how the counselors of a tone talk, in a version.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::OfToneQuery;
use crate::App;
use crate::dto::{self, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, Params, PathIds};
use crate::session::Session;
use crate::upstream::promised;

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

/// One technique.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselTechniqueData {
    counsel_technique: CounselTechnique,
}

impl CounselTechniqueData {
    fn of(technique: Option<v1::CounselTechnique>) -> Result<Self, ApiError> {
        Ok(Self { counsel_technique: promised(technique, "counsel_technique")?.try_into()? })
    }
}

/// Techniques.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselTechniques {
    counsel_techniques: Vec<CounselTechnique>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a technique.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CounselTechniqueId {
    #[serde(rename = "counsel-technique-id")]
    counsel_technique_id: String,
}

impl PathIds for CounselTechniqueId {}

/// The techniques of a version, by tone and then in their order.
#[utoipa::path(
    get,
    path = "/counsel-techniques",
    tag = "prompts",
    params(OfToneQuery, PageQuery),
    responses((status = 200, body = Envelope<CounselTechniques>), Errors)
)]
pub async fn list_counsel_techniques(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<OfToneQuery>,
    page: PageQuery,
) -> Answer<CounselTechniques> {
    let (prompt_version_id, tone_id) = query.read()?;
    let request = v1::ListCounselTechniquesRequest { prompt_version_id, tone_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_counsel_techniques(request).await?.into_inner();
    Ok(Success::ok(CounselTechniques {
        counsel_techniques: dto::all(answer.counsel_techniques)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One technique.
#[utoipa::path(
    get,
    path = "/counsel-techniques/{counsel-technique-id}",
    tag = "prompts",
    params(CounselTechniqueId),
    responses((status = 200, body = Envelope<CounselTechniqueData>), Errors)
)]
pub async fn get_counsel_technique(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselTechniqueId { counsel_technique_id }): Ids<CounselTechniqueId>,
) -> Answer<CounselTechniqueData> {
    let request = v1::GetCounselTechniqueRequest { counsel_technique_id };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().get_counsel_technique(request).await?.into_inner();
    Ok(Success::ok(CounselTechniqueData::of(answer.counsel_technique)?))
}

/// A new technique.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCounselTechnique {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(format = Uuid)]
    tone_id: String,
    /// When it is used.
    #[schema(max_length = 2000)]
    context: String,
    /// How to talk.
    #[schema(min_length = 1, max_length = 10_000)]
    instruction: String,
    /// How many of the user's messages it has before a counsel may leave it.
    #[schema(minimum = 1, maximum = 1000)]
    message_threshold: i32,
    /// How freely a model answers.
    #[schema(minimum = 0, maximum = 2)]
    temperature: f64,
    /// Whether counsels of the tone begin in it, in the place of the technique before. False when left out.
    is_start_technique: Option<bool>,
}

/// Adds a technique to the draft, after the others of its tone.
///
/// A repeat with the same `Idempotency-Key` returns the same technique.
#[utoipa::path(
    post,
    path = "/prompt-versions/temporary-version/counsel-techniques",
    tag = "prompts",
    params(IdempotencyKey),
    request_body = CreateCounselTechnique,
    responses((status = 201, body = Envelope<CounselTechniqueData>), Errors)
)]
pub async fn create_counsel_technique(
    State(app): State<Arc<App>>,
    session: Session,
    key: IdempotencyKey,
    Body(body): Body<CreateCounselTechnique>,
) -> Answer<CounselTechniqueData> {
    let counsel_technique_id =
        id_for(&app.upstream, &session, &key, Operation::CreateCounselTechnique, &body).await?;
    let request = v1::CreateCounselTechniqueRequest {
        counsel_technique_id,
        name: body.name,
        tone_id: body.tone_id,
        context: body.context,
        instruction: body.instruction,
        message_threshold: body.message_threshold,
        temperature: body.temperature,
        is_start_technique: body.is_start_technique,
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().create_counsel_technique(request).await?.into_inner();
    Ok(Success::created(CounselTechniqueData::of(answer.counsel_technique)?))
}

/// What changes; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCounselTechnique {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Stays as it is while rules lead from or to the technique: they stay within a tone.
    #[schema(format = Uuid)]
    tone_id: Option<String>,
    #[schema(max_length = 2000)]
    context: Option<String>,
    #[schema(min_length = 1, max_length = 10_000)]
    instruction: Option<String>,
    #[schema(minimum = 1, maximum = 1000)]
    message_threshold: Option<i32>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// True takes the place of the tone's start technique.
    is_start_technique: Option<bool>,
}

/// Changes a technique of the draft.
#[utoipa::path(
    put,
    path = "/prompt-versions/temporary-version/counsel-techniques/{counsel-technique-id}",
    tag = "prompts",
    params(CounselTechniqueId),
    request_body = UpdateCounselTechnique,
    responses((status = 200, body = Envelope<CounselTechniqueData>), Errors)
)]
pub async fn update_counsel_technique(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselTechniqueId { counsel_technique_id }): Ids<CounselTechniqueId>,
    Body(body): Body<UpdateCounselTechnique>,
) -> Answer<CounselTechniqueData> {
    let request = v1::UpdateCounselTechniqueRequest {
        counsel_technique_id,
        name: body.name,
        tone_id: body.tone_id,
        context: body.context,
        instruction: body.instruction,
        message_threshold: body.message_threshold,
        temperature: body.temperature,
        is_start_technique: body.is_start_technique,
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().update_counsel_technique(request).await?.into_inner();
    Ok(Success::ok(CounselTechniqueData::of(answer.counsel_technique)?))
}
