//! Tones of voice.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, Times};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Ids, PathIds};
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
pub struct Tones {
    tones: Vec<Tone>,
}

/// One tone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToneData {
    tone: Tone,
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
#[utoipa::path(get, path = "/tones", tag = "counselors", responses((status = 200, body = Envelope<Tones>), Errors))]
pub async fn list_tones(State(app): State<Arc<App>>, session: Session) -> Answer<Tones> {
    let request = app.upstream.request(session.caller(), v1::ListTonesRequest {})?;
    let answer = app.upstream.counselors().list_tones(request).await?.into_inner();
    Ok(Success::ok(Tones { tones: dto::all(answer.tones)? }))
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
    let request = app.upstream.request(session.caller(), v1::GetToneRequest { tone_id })?;
    let answer = app.upstream.counselors().get_tone(request).await?.into_inner();
    Ok(Success::ok(ToneData { tone: promised(answer.tone, "tone")?.try_into()? }))
}
