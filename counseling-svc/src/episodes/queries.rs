//! Reading episodes.

use std::collections::HashMap;

use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};

use super::domain::Episode;
use super::entity::{cut_scene, episode};
use super::repository::{episode_of, scenes_of};
use crate::counselors::queries::{ById, CounselorQueries};
use crate::relationships;

/// How many bytes the scenes of a page may have: with everything around them they stay below the 4 MiB of a gRPC message.
const LONGEST_PAGE: i64 = 3 * 1024 * 1024;

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

    /// The episodes of a counselor that the caller may know of, oldest first. A page ends early when its scenes are
    /// long.
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
        let rows = page.seek(&mut list).all(self.database.read()).await?;
        let rapport = self.rapport(caller, counselor_id).await?;
        let page = Page { limit: page.limit.min(self.fitting(&rows, rapport).await?), ..page };
        let Listed { items, next_cursor } = page.cut(rows, |row| row.id.clone())?;
        Ok(Listed { items: self.seen(items, rapport).await?, next_cursor })
    }

    /// One episode of a counselor that the caller may know of.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is another counselor's, or a temporary one and the caller no admin.
    pub async fn get(&self, caller: &Caller, counselor_id: &str, id: &str) -> Result<SeenEpisode, Error> {
        let found = known_to(caller, counselor_id).filter(episode::Column::Id.eq(id));
        let row = found.one(self.database.read()).await?.ok_or(Error::NotFound("episode"))?;
        let rapport = self.rapport(caller, counselor_id).await?;
        let mut seen = self.seen(vec![row], rapport).await?;
        seen.pop().ok_or(Error::NotFound("episode"))
    }

    /// Nothing is locked for admins.
    async fn rapport(&self, caller: &Caller, counselor_id: &str) -> Result<i32, Error> {
        if caller.is_admin() {
            return Ok(i32::MAX);
        }
        relationships::queries::rapport(&self.database, caller.user_id()?, counselor_id).await
    }

    /// How many of the first episodes fit into one page with their scenes; at least one.
    async fn fitting(&self, rows: &[episode::Model], rapport: i32) -> Result<u64, Error> {
        let open = open_ids(rows, rapport);
        if open.is_empty() {
            return Ok(u64::MAX);
        }
        // What a scene has besides its texts, ids and times, takes less than 200 bytes.
        let sizes = cut_scene::Entity::find()
            .select_only()
            .column(cut_scene::Column::EpisodeId)
            .column_as(Expr::cust("SUM(OCTET_LENGTH(content) + OCTET_LENGTH(image) + 200)"), "size")
            .filter(cut_scene::Column::EpisodeId.is_in(open))
            .group_by(cut_scene::Column::EpisodeId);
        let sizes: HashMap<String, i64> =
            sizes.into_tuple::<(String, i64)>().all(self.database.read()).await?.into_iter().collect();
        let mut total = 0;
        let fit = rows.iter().take_while(|row| {
            total += sizes.get(&row.id).copied().unwrap_or_default();
            total <= LONGEST_PAGE
        });
        Ok(u64::try_from(fit.count()).unwrap_or(u64::MAX).max(1))
    }

    /// One query for all scenes, however many episodes there are.
    async fn seen(&self, rows: Vec<episode::Model>, rapport: i32) -> Result<Vec<SeenEpisode>, Error> {
        let open = open_ids(&rows, rapport);
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

fn open_ids(rows: &[episode::Model], rapport: i32) -> Vec<String> {
    let is_open = |row: &&episode::Model| row.required_rapport_threshold <= rapport;
    rows.iter().filter(is_open).map(|row| row.id.clone()).collect()
}

/// Temporary ones are for admins.
fn known_to(caller: &Caller, counselor_id: &str) -> Select<episode::Entity> {
    let episodes = episode::Entity::find()
        .filter(episode::Column::CounselorId.eq(counselor_id))
        .filter(episode::Column::DeletedAt.is_null());
    if caller.is_admin() { episodes } else { episodes.filter(episode::Column::IsTemporary.eq(false)) }
}
