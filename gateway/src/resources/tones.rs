//! Tones of voice.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, PathIds};
use crate::session::Session;
use crate::upstream::promised;

/// A tone of voice.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tone {
    id: String,
    name: String,
    description: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::Tone> for Tone {
    type Error = ApiError;

    fn try_from(tone: v1::Tone) -> Result<Self, ApiError> {
        let times = Times::new(tone.created_at, tone.updated_at, tone.deleted_at)?;
        Ok(Self { id: tone.id, name: tone.name, description: tone.description, times })
    }
}

/// Tones.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tones {
    tones: Vec<Tone>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One tone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToneData {
    tone: Tone,
}

impl ToneData {
    fn of(tone: Option<v1::Tone>) -> Result<Self, ApiError> {
        Ok(Self { tone: promised(tone, "tone")?.try_into()? })
    }
}

/// The path of a tone.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ToneId {
    #[serde(rename = "tone-id")]
    tone_id: String,
}

impl PathIds for ToneId {}

/// All tones.
#[utoipa::path(
    get,
    path = "/tones",
    tag = "counselors",
    params(PageQuery),
    responses((status = 200, body = Envelope<Tones>), Errors)
)]
pub async fn list_tones(State(app): State<Arc<App>>, session: Session, page: PageQuery) -> Answer<Tones> {
    let request = v1::ListTonesRequest { page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().list_tones(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Tones { tones: dto::all(answer.tones)?, next_cursor }))
}

/// One tone.
#[utoipa::path(
    get,
    path = "/tones/{tone-id}",
    tag = "counselors",
    params(ToneId),
    responses((status = 200, body = Envelope<ToneData>), Errors)
)]
pub async fn get_tone(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(ToneId { tone_id }): Ids<ToneId>,
) -> Answer<ToneData> {
    let request = app.upstream.request(session.caller(), v1::GetToneRequest { tone_id });
    let answer = app.upstream.counselors().get_tone(request).await?.into_inner();
    Ok(Success::ok(ToneData::of(answer.tone)?))
}

/// A tone that is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateTone {
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    #[schema(min_length = 1, max_length = 1000)]
    description: String,
}

/// Adds a tone. No two have the same name.
#[utoipa::path(
    post,
    path = "/tones",
    tag = "counselors",
    request_body = CreateTone,
    responses((status = 201, body = Envelope<ToneData>), Errors)
)]
pub async fn create_tone(
    State(app): State<Arc<App>>,
    session: Session,
    Body(CreateTone { name, description }): Body<CreateTone>,
) -> Answer<ToneData> {
    let request = app.upstream.request(session.caller(), v1::CreateToneRequest { name, description });
    let answer = app.upstream.counselors().create_tone(request).await?.into_inner();
    Ok(Success::created(ToneData::of(answer.tone)?))
}

/// What becomes different about a tone; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpdateTone {
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 1000)]
    description: Option<String>,
}

/// Changes a tone.
#[utoipa::path(
    put,
    path = "/tones/{tone-id}",
    tag = "counselors",
    params(ToneId),
    request_body = UpdateTone,
    responses((status = 200, body = Envelope<ToneData>), Errors)
)]
pub async fn update_tone(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(ToneId { tone_id }): Ids<ToneId>,
    Body(UpdateTone { name, description }): Body<UpdateTone>,
) -> Answer<ToneData> {
    let request = v1::UpdateToneRequest { tone_id, name, description };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counselors().update_tone(request).await?.into_inner();
    Ok(Success::ok(ToneData::of(answer.tone)?))
}
