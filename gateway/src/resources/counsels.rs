//! Counsels.

mod routes;

use std::sync::Arc;

use axum::extract::State;
pub use routes::{admin, own};
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{CounselorScope, IdempotencyKey, Ids, PageQuery, PathIds};
use crate::session::Session;
use crate::upstream::promised;

/// A conversation between a user and a counselor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counsel {
    id: String,
    counselor_id: String,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<String>,
    /// RFC 3339, UTC.
    // As clients have always spelt it.
    #[serde(rename = "lastChatedAt", skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    last_chatted_at: Option<String>,
    prompt_version_id: String,
    counsel_technique_id: String,
    counselor_user_relationship_id: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::Counsel> for Counsel {
    type Error = ApiError;

    fn try_from(counsel: v1::Counsel) -> Result<Self, ApiError> {
        Ok(Self {
            id: counsel.id,
            counselor_id: counsel.counselor_id,
            user_id: counsel.user_id,
            last_message: counsel.last_message,
            last_chatted_at: counsel.last_chatted_at.map(rfc3339),
            prompt_version_id: counsel.prompt_version_id,
            counsel_technique_id: counsel.counsel_technique_id,
            counselor_user_relationship_id: counsel.counselor_user_relationship_id,
            times: Times::new(counsel.created_at, counsel.updated_at, counsel.deleted_at)?,
        })
    }
}

/// Counsels.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counsels {
    counsels: Vec<Counsel>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One counsel.
#[derive(Debug, Serialize, ToSchema)]
pub struct CounselData {
    counsel: Counsel,
}

/// A new counsel and what was said in it so far.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewCounsel<M> {
    counsel: Counsel,
    counsel_messages: Vec<M>,
}

/// The path of counsels; `all` stands for every counselor.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AnyCounselorId {
    /// A counselor's id, or `all`.
    #[serde(rename = "counselor-id")]
    pub(super) counselor_id: String,
}

impl PathIds for AnyCounselorId {
    const ALL_COUNSELORS: bool = true;
}

/// The path of a counsel.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CounselId {
    #[serde(rename = "counselor-id")]
    pub(super) counselor_id: String,
    #[serde(rename = "counsel-id")]
    pub(super) counsel_id: String,
}

impl PathIds for CounselId {}

/// How a counsel begins: with the answer to a bubble, or without.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCounsel {
    #[schema(format = Uuid)]
    bubble_id: Option<String>,
    /// 1 or 2: which of the bubble's answers was chosen. Required with `bubbleId`.
    #[schema(minimum = 1, maximum = 2)]
    response_option_no: Option<i32>,
    /// For admins only: a version of the prompts other than the active one.
    #[schema(format = Uuid)]
    prompt_version_id: Option<String>,
}

impl CreateCounsel {
    fn bubble_response(&self) -> Result<Option<v1::BubbleResponse>, ApiError> {
        match (&self.bubble_id, self.response_option_no) {
            (Some(bubble_id), Some(response_option_no)) => {
                Ok(Some(v1::BubbleResponse { bubble_id: bubble_id.clone(), response_option_no }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(ApiError::invalid(vec!["responseOptionNo: is required with bubbleId".to_owned()]))
            }
            (None, Some(_)) => {
                Err(ApiError::invalid(vec!["bubbleId: is required with responseOptionNo".to_owned()]))
            }
        }
    }
}

/// Opens a counsel for the caller.
async fn create<M: TryFrom<v1::CounselMessage, Error = ApiError>>(
    app: &App,
    session: &Session,
    counselor_id: String,
    key: &IdempotencyKey,
    body: CreateCounsel,
) -> Answer<NewCounsel<M>> {
    let bubble_response = body.bubble_response()?;
    let asked = (&counselor_id, &body);
    let counsel_id = id_for(&app.upstream, session, key, Operation::CreateCounsel, &asked).await?;
    let request = v1::CreateCounselRequest {
        counsel_id,
        counselor_id,
        bubble_response,
        prompt_version_id: body.prompt_version_id,
    };
    let request = app.upstream.request_within(app.request_timeout, session.caller(), request);
    let answer = app.upstream.counsels().create_counsel(request).await?.into_inner();
    Ok(Success::created(NewCounsel {
        counsel: promised(answer.counsel, "counsel")?.try_into()?,
        counsel_messages: dto::all(answer.counsel_messages)?,
    }))
}

/// The counsels of a user; of the caller if none is named.
async fn list(
    app: &App,
    session: &Session,
    counselor_id: String,
    user_id: Option<String>,
    page: PageQuery,
) -> Answer<Counsels> {
    let counselor_id = CounselorScope::of(counselor_id).counselor_id();
    let request = v1::ListCounselsRequest { counselor_id, user_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counsels().list_counsels(request).await?.into_inner();
    Ok(Success::ok(Counsels {
        counsels: dto::all(answer.counsels)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One counsel of the caller; for admins anybody's.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/counsels/{counsel-id}",
    tag = "counsels",
    params(CounselId),
    responses((status = 200, body = Envelope<CounselData>), Errors)
)]
pub async fn get_counsel(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselId { counselor_id, counsel_id }): Ids<CounselId>,
) -> Answer<CounselData> {
    let request = app.upstream.request(session.caller(), v1::GetCounselRequest { counselor_id, counsel_id });
    let answer = app.upstream.counsels().get_counsel(request).await?.into_inner();
    Ok(Success::ok(CounselData { counsel: promised(answer.counsel, "counsel")?.try_into()? }))
}
