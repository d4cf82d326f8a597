//! Bubbles: questions that open a counsel.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::counselors::CounselorId;
use crate::App;
use crate::dto::{self, Times};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Ids, PathIds};
use crate::session::Session;
use crate::upstream::promised;

/// A question of a counselor, with two answers to choose from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bubble {
    id: String,
    question: String,
    response_option1: String,
    response_option2: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::Bubble> for Bubble {
    type Error = ApiError;

    fn try_from(bubble: v1::Bubble) -> Result<Self, ApiError> {
        Ok(Self {
            id: bubble.id,
            question: bubble.question,
            response_option1: bubble.response_option1,
            response_option2: bubble.response_option2,
            times: Times::new(bubble.created_at, bubble.updated_at, bubble.deleted_at)?,
        })
    }
}

/// Bubbles.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bubbles {
    bubbles: Vec<Bubble>,
}

/// One bubble.
#[derive(Debug, Serialize, ToSchema)]
pub struct BubbleData {
    bubble: Bubble,
}

impl BubbleData {
    fn of(bubble: Option<v1::Bubble>) -> Answer<Self> {
        Ok(Success::ok(Self { bubble: promised(bubble, "bubble")?.try_into()? }))
    }
}

/// The path of a bubble.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BubbleId {
    #[serde(rename = "counselor-id")]
    counselor_id: String,
    #[serde(rename = "bubble-id")]
    bubble_id: String,
}

impl PathIds for BubbleId {}

/// All bubbles of a counselor.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/bubbles",
    tag = "counselors",
    params(CounselorId),
    responses((status = 200, body = Envelope<Bubbles>), Errors)
)]
pub async fn list_bubbles(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
) -> Answer<Bubbles> {
    let request = app.upstream.request(session.caller(), v1::ListBubblesRequest { counselor_id })?;
    let answer = app.upstream.counselors().list_bubbles(request).await?.into_inner();
    Ok(Success::ok(Bubbles { bubbles: dto::all(answer.bubbles)? }))
}

/// One bubble of a counselor.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/bubbles/{bubble-id}",
    tag = "counselors",
    params(BubbleId),
    responses((status = 200, body = Envelope<BubbleData>), Errors)
)]
pub async fn get_bubble(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(BubbleId { counselor_id, bubble_id }): Ids<BubbleId>,
) -> Answer<BubbleData> {
    let request = app.upstream.request(session.caller(), v1::GetBubbleRequest { counselor_id, bubble_id })?;
    BubbleData::of(app.upstream.counselors().get_bubble(request).await?.into_inner().bubble)
}

/// A bubble of a counselor, any of them.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/bubbles/random",
    tag = "counselors",
    params(CounselorId),
    responses((status = 200, body = Envelope<BubbleData>), Errors)
)]
pub async fn get_random_bubble(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
) -> Answer<BubbleData> {
    let request = app.upstream.request(session.caller(), v1::GetRandomBubbleRequest { counselor_id })?;
    BubbleData::of(app.upstream.counselors().get_random_bubble(request).await?.into_inner().bubble)
}
