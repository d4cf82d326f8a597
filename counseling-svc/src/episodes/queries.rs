//! Reading episodes.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::Listed;

use super::domain::Episode;
use super::entity::{cut_scene, episode};
use super::repository::{episode_of, scenes_of};
use crate::counselors::queries::{ById, CounselorQueries, seek};
use crate::relationships;

/// An episode as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenEpisode {
    /// Without its scenes if it is locked.
    pub episode: Episode,
    /// Whether the caller's rapport is below the threshold; never so for admins.
    pub is_locked: bool,
}

/// Reads episodes.
#[derive(Clone)]
pub struct EpisodeQueries {
    database: Database,
    counselors: CounselorQueries,
}

impl EpisodeQueries {
    pub fn new(database: Database) -> Self {
        Self { counselors: CounselorQueries::new(database.clone()), database }
    }

    /// The episodes of a counselor that the caller may know of, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such counselor.
    pub async fn of_counselor(
        &self,
        caller: &Caller,
        counselor_id: &str,
        page: ById,
    ) -> Result<Listed<SeenEpisode>, Error> {
        self.counselors.counselor(counselor_id).await?;
        let mut list = known_to(caller, counselor_id).cursor_by(episode::Column::Id);
        let rows = seek(&mut list, &page).all(self.database.read()).await?;
        let Listed { items, next_cursor } = page.cut(rows, |row| (row.id.clone(),))?;
        Ok(Listed { items: self.seen(caller, counselor_id, items).await?, next_cursor })
    }

    /// One episode of a counselor that the caller may know of.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is another counselor's, or a temporary one and the caller no admin.
    pub async fn get(&self, caller: &Caller, counselor_id: &str, id: &str) -> Result<SeenEpisode, Error> {
        let found = known_to(caller, counselor_id).filter(episode::Column::Id.eq(id));
        let row = found.one(self.database.read()).await?.ok_or(Error::NotFound("episode"))?;
        let mut seen = self.seen(caller, counselor_id, vec![row]).await?;
        seen.pop().ok_or(Error::NotFound("episode"))
    }

    /// One query for the rapport and one for all scenes, however many episodes there are.
    async fn seen(
        &self,
        caller: &Caller,
        counselor_id: &str,
        rows: Vec<episode::Model>,
    ) -> Result<Vec<SeenEpisode>, Error> {
        let rapport = if caller.is_admin() {
            i32::MAX
        } else {
            relationships::queries::rapport(&self.database, caller.user_id()?, counselor_id).await?
        };
        let is_open = |row: &&episode::Model| row.required_rapport_threshold <= rapport;
        let open: Vec<_> = rows.iter().filter(is_open).map(|row| row.id.clone()).collect();
        let mut scenes = HashMap::<String, Vec<cut_scene::Model>>::new();
        if !open.is_empty() {
            for scene in scenes_of(open).all(self.database.read()).await? {
                scenes.entry(scene.episode_id.clone()).or_default().push(scene);
            }
        }
        let seen = |row: episode::Model| {
            let scenes = scenes.remove(&row.id).unwrap_or_default();
            let episode = episode_of(row, scenes)?;
            let is_locked = episode.is_locked(rapport);
            Ok(SeenEpisode { episode, is_locked })
        };
        rows.into_iter().map(seen).collect()
    }
}

/// Temporary ones are for admins.
fn known_to(caller: &Caller, counselor_id: &str) -> Select<episode::Entity> {
    let episodes = episode::Entity::find()
        .filter(episode::Column::CounselorId.eq(counselor_id))
        .filter(episode::Column::DeletedAt.is_null());
    if caller.is_admin() { episodes } else { episodes.filter(episode::Column::IsTemporary.eq(false)) }
}
