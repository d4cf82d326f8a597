//! Reading counselors, tones and bubbles.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Database;
use shared::page::{Listed, Page};

use super::entity::{bubble, counselor, tone};

/// A page of a list that is ordered by its ids.
pub type ById = Page<String>;

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
    pub async fn counselors(&self, page: ById) -> Result<Listed<counselor::Model>, Error> {
        let all = counselor::Entity::find().filter(counselor::Column::DeletedAt.is_null());
        let mut all = all.cursor_by(counselor::Column::Id);
        page.cut(page.seek(&mut all).all(self.database.read()).await?, |row| row.id.clone())
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
    pub async fn tones(&self, page: ById) -> Result<Listed<tone::Model>, Error> {
        let all = tone::Entity::find().filter(tone::Column::DeletedAt.is_null());
        let mut all = all.cursor_by(tone::Column::Id);
        page.cut(page.seek(&mut all).all(self.database.read()).await?, |row| row.id.clone())
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
    pub async fn bubbles(&self, counselor_id: &str, page: ById) -> Result<Listed<bubble::Model>, Error> {
        self.counselor(counselor_id).await?;
        let mut all = bubbles_of(counselor_id).cursor_by(bubble::Column::Id);
        page.cut(page.seek(&mut all).all(self.database.read()).await?, |row| row.id.clone())
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
        self.counselor(counselor_id).await?;
        let count = bubbles_of(counselor_id).count(self.database.read()).await?;
        if count == 0 {
            return Err(Error::NotFound("bubble"));
        }
        let any = bubbles_of(counselor_id)
            .order_by_asc(bubble::Column::Id)
            .offset(rand::random_range(0..count))
            .limit(1);
        any.one(self.database.read()).await?.ok_or(Error::NotFound("bubble"))
    }
}

fn bubbles_of(counselor_id: &str) -> Select<bubble::Entity> {
    bubble::Entity::find()
        .filter(bubble::Column::CounselorId.eq(counselor_id))
        .filter(bubble::Column::DeletedAt.is_null())
}
