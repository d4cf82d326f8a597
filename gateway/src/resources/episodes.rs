//! Episodes: stories of a counselor, which unlock as a user and the counselor come closer.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::counselors::CounselorId;
use crate::App;
use crate::dto::{self, Times, api_enum, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PageQuery, PathIds};
use crate::session::Session;
use crate::upstream::promised;

/// The most bytes of an episode that is written: 200 scenes of 2000 Hangul letters, with images, fit.
pub const LARGEST_BODY: usize = 2 * 1024 * 1024;

api_enum! {
    /// Who speaks in a scene.
    Speaker {
        Counselor = "SPEAKER_COUNSELOR",
        User = "SPEAKER_USER",
    }
}

/// A scene of an episode.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CutScene {
    id: String,
    episode_id: String,
    speaker: Speaker,
    content: String,
    /// Scenes are told in this order.
    order_index: i32,
    /// An address; empty where there is none.
    image: String,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::CutScene> for CutScene {
    type Error = ApiError;

    fn try_from(scene: v1::CutScene) -> Result<Self, ApiError> {
        Ok(Self {
            id: scene.id,
            episode_id: scene.episode_id,
            speaker: promised(Speaker::of(scene.speaker), "speaker")?,
            content: scene.content,
            order_index: scene.order_index,
            image: scene.image,
            times: Times::new(scene.created_at, scene.updated_at, scene.deleted_at)?,
        })
    }
}

/// A story of a counselor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Episode {
    id: String,
    counselor_id: String,
    title: String,
    /// The rapport from which on a user may see it.
    required_rapport_threshold: i32,
    /// For admins only.
    is_temporary: bool,
    /// In their order; none of a locked episode.
    cut_scenes: Vec<CutScene>,
    /// Whether the caller's rapport is below the threshold.
    is_locked: bool,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::Episode> for Episode {
    type Error = ApiError;

    fn try_from(episode: v1::Episode) -> Result<Self, ApiError> {
        Ok(Self {
            id: episode.id,
            counselor_id: episode.counselor_id,
            title: episode.title,
            required_rapport_threshold: episode.required_rapport_threshold,
            is_temporary: episode.is_temporary,
            cut_scenes: dto::all(episode.cut_scenes)?,
            is_locked: episode.is_locked,
            times: Times::new(episode.created_at, episode.updated_at, episode.deleted_at)?,
        })
    }
}

/// Episodes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Episodes {
    episodes: Vec<Episode>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One episode.
#[derive(Debug, Serialize, ToSchema)]
pub struct EpisodeData {
    episode: Episode,
}

impl EpisodeData {
    fn of(episode: Option<v1::Episode>) -> Result<Self, ApiError> {
        Ok(Self { episode: promised(episode, "episode")?.try_into()? })
    }
}

/// The path of an episode.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct EpisodeId {
    #[serde(rename = "counselor-id")]
    counselor_id: String,
    #[serde(rename = "episode-id")]
    episode_id: String,
}

impl PathIds for EpisodeId {}

/// The episodes of a counselor, oldest first. Temporary ones are for admins; locked ones come without their scenes.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/episodes",
    tag = "counselors",
    params(CounselorId, PageQuery),
    responses((status = 200, body = Envelope<Episodes>), Errors)
)]
pub async fn list_episodes(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
    page: PageQuery,
) -> Answer<Episodes> {
    let request = v1::ListEpisodesRequest { counselor_id, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.episodes().list_episodes(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Episodes { episodes: dto::all(answer.episodes)?, next_cursor }))
}

/// One episode of a counselor.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/episodes/{episode-id}",
    tag = "counselors",
    params(EpisodeId),
    responses((status = 200, body = Envelope<EpisodeData>), Errors)
)]
pub async fn get_episode(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(EpisodeId { counselor_id, episode_id }): Ids<EpisodeId>,
) -> Answer<EpisodeData> {
    let request = app.upstream.request(session.caller(), v1::GetEpisodeRequest { counselor_id, episode_id });
    let answer = app.upstream.episodes().get_episode(request).await?.into_inner();
    Ok(Success::ok(EpisodeData::of(answer.episode)?))
}

/// A scene that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCutScene {
    speaker: Speaker,
    #[schema(min_length = 1, max_length = 2000)]
    content: String,
    /// No two scenes of an episode have the same.
    #[schema(minimum = 0, maximum = 999)]
    order_index: i32,
    /// An http(s) address, or a path on this server; empty for none. Left out, it stays as it is.
    #[schema(max_length = 2048)]
    image: Option<String>,
}

impl CreateCutScene {
    fn input(self, id: Option<String>) -> v1::CutSceneInput {
        v1::CutSceneInput {
            id,
            speaker: self.speaker.into(),
            content: self.content,
            order_index: self.order_index,
            image: self.image,
        }
    }
}

/// An episode that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateEpisode {
    #[schema(min_length = 1, max_length = 100)]
    title: String,
    #[schema(minimum = 0, maximum = 1_000_000)]
    required_rapport_threshold: i32,
    is_temporary: bool,
    #[schema(max_items = 200)]
    cut_scenes: Vec<CreateCutScene>,
}

/// Adds an episode to a counselor.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/episodes",
    tag = "counselors",
    params(CounselorId),
    request_body = CreateEpisode,
    responses((status = 201, body = Envelope<EpisodeData>), Errors)
)]
pub async fn create_episode(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(CounselorId { counselor_id }): Ids<CounselorId>,
    Body(body): Body<CreateEpisode>,
) -> Answer<EpisodeData> {
    let request = v1::CreateEpisodeRequest {
        counselor_id,
        title: body.title,
        required_rapport_threshold: body.required_rapport_threshold,
        is_temporary: body.is_temporary,
        cut_scenes: body.cut_scenes.into_iter().map(|scene| scene.input(None)).collect(),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.episodes().create_episode(request).await?.into_inner();
    Ok(Success::created(EpisodeData::of(answer.episode)?))
}

/// A scene as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCutScene {
    /// Of the scene of this episode that is changed; a new one has none.
    #[schema(format = Uuid)]
    id: Option<String>,
    #[serde(flatten)]
    scene: CreateCutScene,
}

/// What becomes different about an episode; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateEpisode {
    #[schema(min_length = 1, max_length = 100)]
    title: Option<String>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    required_rapport_threshold: Option<i32>,
    is_temporary: Option<bool>,
    /// All of its scenes: one with an id is changed, one without is added, one that is left out is removed.
    #[schema(max_items = 200)]
    cut_scenes: Option<Vec<UpdateCutScene>>,
}

/// Changes an episode of a counselor.
#[utoipa::path(
    put,
    path = "/counselors/{counselor-id}/episodes/{episode-id}",
    tag = "counselors",
    params(EpisodeId),
    request_body = UpdateEpisode,
    responses((status = 200, body = Envelope<EpisodeData>), Errors)
)]
pub async fn update_episode(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(EpisodeId { counselor_id, episode_id }): Ids<EpisodeId>,
    Body(body): Body<UpdateEpisode>,
) -> Answer<EpisodeData> {
    let all = |scenes: Vec<UpdateCutScene>| v1::CutSceneInputs {
        cut_scenes: scenes.into_iter().map(|UpdateCutScene { id, scene }| scene.input(id)).collect(),
    };
    let request = v1::UpdateEpisodeRequest {
        counselor_id,
        episode_id,
        title: body.title,
        required_rapport_threshold: body.required_rapport_threshold,
        is_temporary: body.is_temporary,
        cut_scenes: body.cut_scenes.map(all),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.episodes().update_episode(request).await?.into_inner();
    Ok(Success::ok(EpisodeData::of(answer.episode)?))
}
