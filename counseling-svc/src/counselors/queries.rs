//! Reading counselors, tones and bubbles.

use rand::seq::IndexedRandom;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;

use super::entity::{bubble, counselor, tone};

/// Reads counselors, tones and bubbles.
#[derive(Clone)]
pub struct CounselorQueries {
    database: Database,
}

impl CounselorQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// All counselors, in the order in which they were made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counselors(&self) -> Result<Vec<counselor::Model>, Error> {
        let all = counselor::Entity::find().filter(counselor::Column::DeletedAt.is_null());
        Ok(all.order_by_asc(counselor::Column::Id).all(self.database.read()).await?)
    }

    /// One counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn counselor(&self, id: &str) -> Result<counselor::Model, Error> {
        let found = counselor::Entity::find_by_id(id).filter(counselor::Column::DeletedAt.is_null());
        found.one(self.database.read()).await?.ok_or(Error::NotFound("counselor"))
    }

    /// All tones, in the order in which they were made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tones(&self) -> Result<Vec<tone::Model>, Error> {
        let all = tone::Entity::find().filter(tone::Column::DeletedAt.is_null());
        Ok(all.order_by_asc(tone::Column::Id).all(self.database.read()).await?)
    }

    /// One tone.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tone(&self, id: &str) -> Result<tone::Model, Error> {
        let found = tone::Entity::find_by_id(id).filter(tone::Column::DeletedAt.is_null());
        found.one(self.database.read()).await?.ok_or(Error::NotFound("tone"))
    }

    /// The bubbles of a counselor, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such counselor.
    pub async fn bubbles(&self, counselor_id: &str) -> Result<Vec<bubble::Model>, Error> {
        self.counselor(counselor_id).await?;
        let all = bubble::Entity::find()
            .filter(bubble::Column::CounselorId.eq(counselor_id))
            .filter(bubble::Column::DeletedAt.is_null());
        Ok(all.order_by_asc(bubble::Column::Id).all(self.database.read()).await?)
    }

    /// One bubble of a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is another counselor's.
    pub async fn bubble(&self, counselor_id: &str, id: &str) -> Result<bubble::Model, Error> {
        let found = bubble::Entity::find_by_id(id)
            .filter(bubble::Column::CounselorId.eq(counselor_id))
            .filter(bubble::Column::DeletedAt.is_null());
        found.one(self.database.read()).await?.ok_or(Error::NotFound("bubble"))
    }

    /// Any bubble of a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the counselor has none, or there is no such counselor.
    pub async fn random_bubble(&self, counselor_id: &str) -> Result<bubble::Model, Error> {
        let bubbles = self.bubbles(counselor_id).await?;
        bubbles.choose(&mut rand::rng()).cloned().ok_or(Error::NotFound("bubble"))
    }
}
