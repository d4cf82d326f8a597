//! Bubbles: questions that open a counsel.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::counselors::CounselorId;
use crate::App;
use crate::dto::{self, IsSuccess, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, PathIds};
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
#[serde(rename_all = "camelCase")]
pub struct Bubbles {
    bubbles: Vec<Bubble>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One bubble.
#[derive(Debug, Serialize, ToSchema)]
pub struct BubbleData {
    bubble: Bubble,
}

impl BubbleData {
    fn of(bubble: Option<v1::Bubble>) -> Result<Self, ApiError> {
        Ok(Self { bubble: promised(bubble, "bubble")?.try_into()? })
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
    params(CounselorId, PageQuery),
    responses((status = 200, body = Envelope<Bubbles>), Errors)
)]
pub async fn list_bubbles(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
    page: PageQuery,
) -> Answer<Bubbles> {
    let request = v1::ListBubblesRequest { counselor_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().list_bubbles(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Bubbles { bubbles: dto::all(answer.bubbles)?, next_cursor }))
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
    let request = app.upstream.request(session.caller(), v1::GetBubbleRequest { counselor_id, bubble_id });
    let answer = app.upstream.counselors().get_bubble(request).await?.into_inner();
    Ok(Success::ok(BubbleData::of(answer.bubble)?))
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
    let request = app.upstream.request(session.caller(), v1::GetRandomBubbleRequest { counselor_id });
    let answer = app.upstream.counselors().get_random_bubble(request).await?.into_inner();
    Ok(Success::ok(BubbleData::of(answer.bubble)?))
}

/// A bubble that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateBubble {
    #[schema(min_length = 1, max_length = 500)]
    question: String,
    #[schema(min_length = 1, max_length = 500)]
    response_option1: String,
    #[schema(min_length = 1, max_length = 500)]
    response_option2: String,
}

/// Adds a bubble to a counselor.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/bubbles",
    tag = "counselors",
    params(CounselorId),
    request_body = CreateBubble,
    responses((status = 201, body = Envelope<BubbleData>), Errors)
)]
pub async fn create_bubble(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
    Body(body): Body<CreateBubble>,
) -> Answer<BubbleData> {
    let CreateBubble { question, response_option1, response_option2 } = body;
    let request = v1::CreateBubbleRequest { counselor_id, question, response_option1, response_option2 };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().create_bubble(request).await?.into_inner();
    Ok(Success::created(BubbleData::of(answer.bubble)?))
}

/// What becomes different about a bubble; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBubble {
    #[schema(min_length = 1, max_length = 500)]
    question: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    response_option1: Option<String>,
    #[schema(min_length = 1, max_length = 500)]
    response_option2: Option<String>,
}

/// Changes a bubble of a counselor.
#[utoipa::path(
    put,
    path = "/counselors/{counselor-id}/bubbles/{bubble-id}",
    tag = "counselors",
    params(BubbleId),
    request_body = UpdateBubble,
    responses((status = 200, body = Envelope<BubbleData>), Errors)
)]
pub async fn update_bubble(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(BubbleId { counselor_id, bubble_id }): Ids<BubbleId>,
    Body(body): Body<UpdateBubble>,
) -> Answer<BubbleData> {
    let UpdateBubble { question, response_option1, response_option2 } = body;
    let request =
        v1::UpdateBubbleRequest { counselor_id, bubble_id, question, response_option1, response_option2 };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().update_bubble(request).await?.into_inner();
    Ok(Success::ok(BubbleData::of(answer.bubble)?))
}

/// Deletes a bubble of a counselor. Counsels that were opened with it keep their words.
#[utoipa::path(
    delete,
    path = "/counselors/{counselor-id}/bubbles/{bubble-id}",
    tag = "counselors",
    params(BubbleId),
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn delete_bubble(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(BubbleId { counselor_id, bubble_id }): Ids<BubbleId>,
) -> Answer<IsSuccess> {
    let request = app.upstream.request(session.caller(), v1::DeleteBubbleRequest { counselor_id, bubble_id });
    app.upstream.counselors().delete_bubble(request).await?;
    Ok(Success::ok(IsSuccess::yes()))
}
