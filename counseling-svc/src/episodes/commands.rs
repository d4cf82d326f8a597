//! Changing episodes.

use shared::database::Database;
use shared::time::Clock;
use shared::{Error, id};

use super::domain::{Episode, EpisodeChange};
use super::repository::Episodes;
use crate::counselors::queries::CounselorQueries;

/// Changes episodes.
#[derive(Clone)]
pub struct EpisodeCommands {
    database: Database,
    clock: Clock,
    counselors: CounselorQueries,
}

impl EpisodeCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { counselors: CounselorQueries::new(database.clone()), database, clock }
    }

    /// Adds an episode to a counselor; `all` tells everything about it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such counselor, [`Error::Invalid`] when a new scene has an id.
    pub async fn create(&self, counselor_id: &str, all: EpisodeChange) -> Result<Episode, Error> {
        self.counselors.counselor(counselor_id).await?;
        let now = self.clock.now();
        let mut episode = Episode {
            id: id::new_id(),
            counselor_id: counselor_id.to_owned(),
            title: String::new(),
            required_rapport_threshold: 0,
            is_temporary: false,
            scenes: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        episode.change(all, id::new_id, now).map_err(Error::Invalid)?;
        let transaction = self.database.begin().await?;
        transaction.insert_episode(&episode).await?;
        transaction.commit().await?;
        Ok(episode)
    }

    /// Changes an episode of a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is another counselor's; [`Error::Invalid`] when a scene is another episode's.
    pub async fn update(
        &self,
        counselor_id: &str,
        id: &str,
        change: EpisodeChange,
    ) -> Result<Episode, Error> {
        let transaction = self.database.begin().await?;
        let found = transaction.episode_for_change(counselor_id, id).await?;
        let mut episode = found.ok_or(Error::NotFound("episode"))?;
        episode.change(change, id::new_id, self.clock.now()).map_err(Error::Invalid)?;
        transaction.save_episode(&episode).await?;
        transaction.commit().await?;
        Ok(episode)
    }
}
