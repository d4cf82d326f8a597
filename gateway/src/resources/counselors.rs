//! Counselors.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, api_enum, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, PathIds};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// A counselor's gender.
    CounselorGender {
        Male = "COUNSELOR_GENDER_MALE",
        Female = "COUNSELOR_GENDER_FEMALE",
        None = "COUNSELOR_GENDER_NONE",
    }
}

/// An AI counselor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counselor {
    id: String,
    tone_id: String,
    name: String,
    description: String,
    profile_image: String,
    gender: CounselorGender,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::Counselor> for Counselor {
    type Error = ApiError;

    fn try_from(counselor: v1::Counselor) -> Result<Self, ApiError> {
        Ok(Self {
            id: counselor.id,
            tone_id: counselor.tone_id,
            name: counselor.name,
            description: counselor.description,
            profile_image: counselor.profile_image,
            gender: promised(CounselorGender::of(counselor.gender), "gender")?,
            times: Times::new(counselor.created_at, counselor.updated_at, counselor.deleted_at)?,
        })
    }
}

/// Counselors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counselors {
    counselors: Vec<Counselor>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One counselor.
#[derive(Debug, Serialize, ToSchema)]
pub struct CounselorData {
    counselor: Counselor,
}

impl CounselorData {
    fn of(counselor: Option<v1::Counselor>) -> Result<Self, ApiError> {
        Ok(Self { counselor: promised(counselor, "counselor")?.try_into()? })
    }
}

/// The path of a counselor.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CounselorId {
    #[serde(rename = "counselor-id")]
    pub(super) counselor_id: String,
}

impl PathIds for CounselorId {}

/// All counselors.
#[utoipa::path(
    get,
    path = "/counselors",
    tag = "counselors",
    params(PageQuery),
    responses((status = 200, body = Envelope<Counselors>), Errors)
)]
pub async fn list_counselors(
    State(app): State<Arc<App>>,
    session: Session,
    page: PageQuery,
) -> Answer<Counselors> {
    let request = v1::ListCounselorsRequest { page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().list_counselors(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Counselors { counselors: dto::all(answer.counselors)?, next_cursor }))
}

/// One counselor.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}",
    tag = "counselors",
    params(CounselorId),
    responses((status = 200, body = Envelope<CounselorData>), Errors)
)]
pub async fn get_counselor(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
) -> Answer<CounselorData> {
    let request = app.upstream.request(session.caller(), v1::GetCounselorRequest { counselor_id });
    let answer = app.upstream.counselors().get_counselor(request).await?.into_inner();
    Ok(Success::ok(CounselorData::of(answer.counselor)?))
}

/// A counselor who is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCounselor {
    #[schema(format = Uuid)]
    tone_id: String,
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    #[schema(min_length = 1, max_length = 1000)]
    description: String,
    /// An http(s) address, or a path on this server.
    #[schema(min_length = 1, max_length = 2048)]
    profile_image: String,
    gender: CounselorGender,
}

/// Adds a counselor. No two have the same name.
#[utoipa::path(
    post,
    path = "/counselors",
    tag = "counselors",
    request_body = CreateCounselor,
    responses((status = 201, body = Envelope<CounselorData>), Errors)
)]
pub async fn create_counselor(
    State(app): State<Arc<App>>,
    session: Session,
    Body(body): Body<CreateCounselor>,
) -> Answer<CounselorData> {
    let request = v1::CreateCounselorRequest {
        tone_id: body.tone_id,
        name: body.name,
        description: body.description,
        profile_image: body.profile_image,
        gender: body.gender.into(),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().create_counselor(request).await?.into_inner();
    Ok(Success::created(CounselorData::of(answer.counselor)?))
}

/// What becomes different about a counselor; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCounselor {
    #[schema(format = Uuid)]
    tone_id: Option<String>,
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 1000)]
    description: Option<String>,
    /// An http(s) address, or a path on this server.
    #[schema(min_length = 1, max_length = 2048)]
    profile_image: Option<String>,
    gender: Option<CounselorGender>,
}

/// Changes a counselor.
#[utoipa::path(
    put,
    path = "/counselors/{counselor-id}",
    tag = "counselors",
    params(CounselorId),
    request_body = UpdateCounselor,
    responses((status = 200, body = Envelope<CounselorData>), Errors)
)]
pub async fn update_counselor(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
    Body(body): Body<UpdateCounselor>,
) -> Answer<CounselorData> {
    let request = v1::UpdateCounselorRequest {
        counselor_id,
        tone_id: body.tone_id,
        name: body.name,
        description: body.description,
        profile_image: body.profile_image,
        gender: body.gender.map(Into::into),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().update_counselor(request).await?.into_inner();
    Ok(Success::ok(CounselorData::of(answer.counselor)?))
}
