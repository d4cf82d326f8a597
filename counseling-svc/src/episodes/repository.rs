//! Where episodes are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::proto::v1::Speaker;

use super::domain::{CutScene, Episode};
use super::entity::{cut_scene, episode};

/// What commands need of the place where episodes are kept.
pub trait Episodes {
    /// An episode of a counselor that nobody else changes until the end of the transaction.
    fn episode_for_change(
        &self,
        counselor_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<Option<Episode>, Error>> + Send;

    /// Adds an episode with its scenes.
    fn insert_episode(&self, episode: &Episode) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed episode with its scenes.
    fn save_episode(&self, episode: &Episode) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Episodes for Transaction {
    async fn episode_for_change(&self, counselor_id: &str, id: &str) -> Result<Option<Episode>, Error> {
        let found = episode::Entity::find_by_id(id)
            .filter(episode::Column::CounselorId.eq(counselor_id))
            .filter(episode::Column::DeletedAt.is_null())
            .lock_exclusive();
        let Some(row) = found.one(&**self).await? else { return Ok(None) };
        let scenes = scenes_of([row.id.clone()]).all(&**self).await?;
        episode_of(row, scenes).map(Some)
    }

    async fn insert_episode(&self, episode: &Episode) -> Result<(), Error> {
        episode::Entity::insert(episode_row(episode)).exec_without_returning(&**self).await?;
        insert_scenes(self, episode).await
    }

    async fn save_episode(&self, episode: &Episode) -> Result<(), Error> {
        episode::Entity::update(episode_row(episode)).exec_without_returning(&**self).await?;
        // Two scenes that change places would for a moment have the same one, so all make room first.
        let before = cut_scene::Entity::delete_many().filter(cut_scene::Column::EpisodeId.eq(&episode.id));
        before.exec(&**self).await?;
        insert_scenes(self, episode).await
    }
}

async fn insert_scenes(transaction: &Transaction, episode: &Episode) -> Result<(), Error> {
    if !episode.scenes.is_empty() {
        let rows = episode.scenes.iter().map(|scene| scene_row(&episode.id, scene));
        cut_scene::Entity::insert_many(rows).exec_without_returning(&**transaction).await?;
    }
    Ok(())
}

/// The scenes of some episodes, those of each in their order.
pub fn scenes_of(episode_ids: impl IntoIterator<Item = String>) -> Select<cut_scene::Entity> {
    cut_scene::Entity::find()
        .filter(cut_scene::Column::EpisodeId.is_in(episode_ids))
        .order_by_asc(cut_scene::Column::EpisodeId)
        .order_by_asc(cut_scene::Column::OrderIndex)
}

/// An episode with its scenes.
///
/// # Errors
/// [`Error::Internal`] when a row holds an unknown label.
pub fn episode_of(row: episode::Model, scenes: Vec<cut_scene::Model>) -> Result<Episode, Error> {
    let scene = |row: cut_scene::Model| {
        Ok(CutScene {
            speaker: stored(&row.speaker, Speaker::from_str_name)?,
            id: row.id,
            content: row.content,
            order_index: row.order_index,
            image: row.image,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    };
    Ok(Episode {
        id: row.id,
        counselor_id: row.counselor_id,
        title: row.title,
        required_rapport_threshold: row.required_rapport_threshold,
        is_temporary: row.is_temporary,
        scenes: scenes.into_iter().map(scene).collect::<Result<_, Error>>()?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn episode_row(episode: &Episode) -> episode::ActiveModel {
    episode::ActiveModel {
        id: Set(episode.id.clone()),
        counselor_id: Set(episode.counselor_id.clone()),
        title: Set(episode.title.clone()),
        required_rapport_threshold: Set(episode.required_rapport_threshold),
        is_temporary: Set(episode.is_temporary),
        created_at: Set(episode.created_at),
        updated_at: Set(episode.updated_at),
        deleted_at: Set(None),
    }
}

fn scene_row(episode_id: &str, scene: &CutScene) -> cut_scene::ActiveModel {
    cut_scene::ActiveModel {
        id: Set(scene.id.clone()),
        episode_id: Set(episode_id.to_owned()),
        speaker: Set(scene.speaker.as_str_name().to_owned()),
        content: Set(scene.content.clone()),
        order_index: Set(scene.order_index),
        image: Set(scene.image.clone()),
        created_at: Set(scene.created_at),
        updated_at: Set(scene.updated_at),
        deleted_at: Set(None),
    }
}
