//! Counselors.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, api_enum};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Ids, PathIds};
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
pub struct Counselors {
    counselors: Vec<Counselor>,
}

/// One counselor.
#[derive(Debug, Serialize, ToSchema)]
pub struct CounselorData {
    counselor: Counselor,
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
#[utoipa::path(get, path = "/counselors", tag = "counselors", responses((status = 200, body = Envelope<Counselors>), Errors))]
pub async fn list_counselors(State(app): State<Arc<App>>, session: Session) -> Answer<Counselors> {
    let request = app.upstream.request(session.caller(), v1::ListCounselorsRequest {})?;
    let answer = app.upstream.counselors().list_counselors(request).await?.into_inner();
    Ok(Success::ok(Counselors { counselors: dto::all(answer.counselors)? }))
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
    let request = app.upstream.request(session.caller(), v1::GetCounselorRequest { counselor_id })?;
    let answer = app.upstream.counselors().get_counselor(request).await?.into_inner();
    Ok(Success::ok(CounselorData { counselor: promised(answer.counselor, "counselor")?.try_into()? }))
}
