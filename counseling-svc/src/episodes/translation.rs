//! Between the messages of `EpisodeService` and what commands and queries speak of.

use shared::id::check_id;
use shared::labels::known;
use shared::proto::v1::{self, CreateEpisodeRequest, CutSceneInput, Speaker, UpdateEpisodeRequest};
use shared::{Error, Violations};

use super::domain::{
    CONTENT, CutScene, Episode, EpisodeChange, HIGHEST_THRESHOLD, LAST_PLACE, SceneInput, TITLE, check_scenes,
};
use super::queries::SeenEpisode;
use crate::text::read_image;

/// Everything about a new episode.
///
/// # Errors
/// [`Error::Invalid`] with each broken rule.
pub fn new_episode(request: CreateEpisodeRequest) -> Result<EpisodeChange, Error> {
    let mut violations = Violations::default();
    check_id("counselor_id", &request.counselor_id, &mut violations);
    let all = EpisodeChange {
        title: Some(TITLE.read("title", &request.title, &mut violations)),
        required_rapport_threshold: Some(threshold(request.required_rapport_threshold, &mut violations)),
        is_temporary: Some(request.is_temporary),
        scenes: Some(scenes(request.cut_scenes, &mut violations)),
    };
    violations.into_result()?;
    Ok(all)
}

/// What becomes different about an episode.
///
/// # Errors
/// [`Error::Invalid`] with each broken rule.
pub fn episode_change(request: UpdateEpisodeRequest) -> Result<EpisodeChange, Error> {
    let mut violations = Violations::default();
    check_id("counselor_id", &request.counselor_id, &mut violations);
    check_id("episode_id", &request.episode_id, &mut violations);
    let change = EpisodeChange {
        title: TITLE.read_some("title", request.title.as_deref(), &mut violations),
        required_rapport_threshold: request
            .required_rapport_threshold
            .map(|least| threshold(least, &mut violations)),
        is_temporary: request.is_temporary,
        scenes: request.cut_scenes.map(|all| scenes(all.cut_scenes, &mut violations)),
    };
    violations.into_result()?;
    Ok(change)
}

fn threshold(least: i32, violations: &mut Violations) -> i32 {
    let rule = format!("must be 0 to {HIGHEST_THRESHOLD}");
    violations.check((0..=HIGHEST_THRESHOLD).contains(&least), "required_rapport_threshold", &rule);
    least
}

fn scenes(inputs: Vec<CutSceneInput>, violations: &mut Violations) -> Vec<SceneInput> {
    let scenes: Vec<_> = inputs.into_iter().map(|input| scene(input, violations)).collect();
    check_scenes(&scenes, violations);
    scenes
}

fn scene(input: CutSceneInput, violations: &mut Violations) -> SceneInput {
    if let Some(id) = &input.id {
        check_id("cut_scenes.id", id, violations);
    }
    let rule = format!("must be 0 to {LAST_PLACE}");
    violations.check((0..=LAST_PLACE).contains(&input.order_index), "cut_scenes.order_index", &rule);
    SceneInput {
        speaker: known(input.speaker, "cut_scenes.speaker", violations).unwrap_or(Speaker::Unspecified),
        content: CONTENT.read("cut_scenes.content", &input.content, violations),
        image: input.image.map(|image| read_image("cut_scenes.image", &image, true, violations)),
        id: input.id,
        order_index: input.order_index,
    }
}

impl From<SeenEpisode> for v1::Episode {
    fn from(SeenEpisode { episode, is_locked }: SeenEpisode) -> Self {
        Self { is_locked, ..episode.into() }
    }
}

impl From<Episode> for v1::Episode {
    fn from(episode: Episode) -> Self {
        let scene = |scene: CutScene| v1::CutScene {
            id: scene.id,
            episode_id: episode.id.clone(),
            speaker: scene.speaker.into(),
            content: scene.content,
            order_index: scene.order_index,
            image: scene.image,
            created_at: Some(scene.created_at.into()),
            updated_at: Some(scene.updated_at.into()),
            deleted_at: None,
        };
        Self {
            cut_scenes: episode.scenes.into_iter().map(scene).collect(),
            id: episode.id,
            counselor_id: episode.counselor_id,
            title: episode.title,
            required_rapport_threshold: episode.required_rapport_threshold,
            is_temporary: episode.is_temporary,
            is_locked: false,
            created_at: Some(episode.created_at.into()),
            updated_at: Some(episode.updated_at.into()),
            deleted_at: None,
        }
    }
}
