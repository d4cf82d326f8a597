//! When versions were activated.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{PageQuery, Params, check_ids};
use crate::session::Session;
use crate::upstream::promised;

/// That a version became the active one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptActivateHistory {
    id: String,
    prompt_version_id: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    activated_at: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::PromptActivateHistory> for PromptActivateHistory {
    type Error = ApiError;

    fn try_from(history: v1::PromptActivateHistory) -> Result<Self, ApiError> {
        Ok(Self {
            id: history.id,
            prompt_version_id: history.prompt_version_id,
            activated_at: rfc3339(promised(history.activated_at, "activated_at")?),
            times: Times::new(history.created_at, history.updated_at, history.deleted_at)?,
        })
    }
}

/// Activations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptActivateHistories {
    prompt_activate_histories: Vec<PromptActivateHistory>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Of which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoriesQuery {
    /// Left out: of every version.
    #[serde(rename = "prompt-version-id")]
    #[param(format = Uuid)]
    prompt_version_id: Option<String>,
}

/// When versions were activated, newest first.
#[utoipa::path(
    get,
    path = "/prompt-activate-histories",
    tag = "prompts",
    params(HistoriesQuery, PageQuery),
    responses((status = 200, body = Envelope<PromptActivateHistories>), Errors)
)]
pub async fn list_prompt_activate_histories(
    State(app): State<Arc<App>>,
    session: Session,
    Params(HistoriesQuery { prompt_version_id }): Params<HistoriesQuery>,
    page: PageQuery,
) -> Answer<PromptActivateHistories> {
    check_ids([("prompt-version-id", prompt_version_id.as_ref())])?;
    let request = v1::ListPromptActivateHistoriesRequest { prompt_version_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_prompt_activate_histories(request).await?.into_inner();
    Ok(Success::ok(PromptActivateHistories {
        prompt_activate_histories: dto::all(answer.prompt_activate_histories)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}
