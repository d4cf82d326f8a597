//! Changing counselors, tones and bubbles.

use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QuerySelect};
use shared::database::{Database, Transaction};
use shared::error::unless_unique;
use shared::time::Clock;
use shared::{Error, id};

use super::domain::{BubbleChange, CounselorChange, NewBubble, NewCounselor, NewTone, ToneChange};
use super::entity::{bubble, counselor, tone};

const COUNSELOR_OF_THIS_NAME: &str = "a counselor of this name";
const TONE_OF_THIS_NAME: &str = "a tone of this name";

/// Changes counselors, tones and bubbles.
#[derive(Clone)]
pub struct CounselorCommands {
    database: Database,
    clock: Clock,
}

impl CounselorCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Adds a counselor.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such tone, [`Error::AlreadyExists`] when the name is taken.
    pub async fn create_counselor(&self, new: NewCounselor) -> Result<counselor::Model, Error> {
        let transaction = self.database.begin().await?;
        require_tone(&transaction, &new.tone_id).await?;
        let now = self.clock.now();
        let row = counselor::Model {
            id: id::new_id(),
            tone_id: new.tone_id,
            name: new.name,
            description: new.description,
            profile_image: new.profile_image,
            gender: new.gender.as_str_name().to_owned(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        insert(&transaction, row.clone(), COUNSELOR_OF_THIS_NAME).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Changes a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as [`Self::create_counselor`].
    pub async fn update_counselor(
        &self,
        id: &str,
        change: CounselorChange,
    ) -> Result<counselor::Model, Error> {
        let transaction = self.database.begin().await?;
        let found =
            counselor::Entity::find_by_id(id).filter(counselor::Column::DeletedAt.is_null()).lock_exclusive();
        let mut row = found.one(&*transaction).await?.ok_or(Error::NotFound("counselor"))?;
        if let Some(tone_id) = change.tone_id {
            require_tone(&transaction, &tone_id).await?;
            row.tone_id = tone_id;
        }
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        row.profile_image = change.profile_image.unwrap_or(row.profile_image);
        row.gender = change.gender.map_or(row.gender, |gender| gender.as_str_name().to_owned());
        row.updated_at = self.clock.now();
        update(&transaction, row.clone(), COUNSELOR_OF_THIS_NAME).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Adds a tone.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the name is taken.
    pub async fn create_tone(&self, new: NewTone) -> Result<tone::Model, Error> {
        let transaction = self.database.begin().await?;
        let now = self.clock.now();
        let NewTone { name, description } = new;
        let row = tone::Model {
            id: id::new_id(),
            name,
            description,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        insert(&transaction, row.clone(), TONE_OF_THIS_NAME).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Changes a tone.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as [`Self::create_tone`].
    pub async fn update_tone(&self, id: &str, change: ToneChange) -> Result<tone::Model, Error> {
        let transaction = self.database.begin().await?;
        let found = tone::Entity::find_by_id(id).filter(tone::Column::DeletedAt.is_null()).lock_exclusive();
        let mut row = found.one(&*transaction).await?.ok_or(Error::NotFound("tone"))?;
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        row.updated_at = self.clock.now();
        update(&transaction, row.clone(), TONE_OF_THIS_NAME).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Adds a bubble to a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such counselor.
    pub async fn create_bubble(&self, counselor_id: &str, new: NewBubble) -> Result<bubble::Model, Error> {
        let transaction = self.database.begin().await?;
        let counselor = counselor::Entity::find_by_id(counselor_id)
            .filter(counselor::Column::DeletedAt.is_null())
            .one(&*transaction);
        counselor.await?.ok_or(Error::NotFound("counselor"))?;
        let now = self.clock.now();
        let row = bubble::Model {
            id: id::new_id(),
            counselor_id: counselor_id.to_owned(),
            question: new.question,
            response_option1: new.response_option1,
            response_option2: new.response_option2,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        insert(&transaction, row.clone(), "bubble").await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Changes a bubble of a counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is another counselor's.
    pub async fn update_bubble(
        &self,
        counselor_id: &str,
        id: &str,
        change: BubbleChange,
    ) -> Result<bubble::Model, Error> {
        let transaction = self.database.begin().await?;
        let mut row = bubble_for_change(&transaction, counselor_id, id).await?;
        row.question = change.question.unwrap_or(row.question);
        row.response_option1 = change.response_option1.unwrap_or(row.response_option1);
        row.response_option2 = change.response_option2.unwrap_or(row.response_option2);
        row.updated_at = self.clock.now();
        update(&transaction, row.clone(), "bubble").await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Deletes a bubble of a counselor. Counsels that were opened with it keep their words.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is deleted already.
    pub async fn delete_bubble(&self, counselor_id: &str, id: &str) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        let mut row = bubble_for_change(&transaction, counselor_id, id).await?;
        let now = self.clock.now();
        (row.updated_at, row.deleted_at) = (now, Some(now));
        update(&transaction, row, "bubble").await?;
        transaction.commit().await
    }
}

async fn bubble_for_change(
    transaction: &Transaction,
    counselor_id: &str,
    id: &str,
) -> Result<bubble::Model, Error> {
    let found = bubble::Entity::find_by_id(id)
        .filter(bubble::Column::CounselorId.eq(counselor_id))
        .filter(bubble::Column::DeletedAt.is_null())
        .lock_exclusive();
    found.one(&**transaction).await?.ok_or(Error::NotFound("bubble"))
}

async fn require_tone(transaction: &Transaction, id: &str) -> Result<(), Error> {
    let tone = tone::Entity::find_by_id(id).filter(tone::Column::DeletedAt.is_null());
    match tone.one(&**transaction).await? {
        Some(_) => Ok(()),
        None => Err(Error::invalid("tone_id", "must be the id of a tone")),
    }
}

/// Adds a row; `what` names what is there already when a name is taken.
async fn insert<M>(transaction: &Transaction, row: M, what: &'static str) -> Result<(), Error>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let insert = M::Entity::insert(row.into_active_model());
    insert.exec_without_returning(&**transaction).await.map_err(unless_unique(what))?;
    Ok(())
}

/// Keeps a changed row, of which every column is written.
async fn update<M>(transaction: &Transaction, row: M, what: &'static str) -> Result<(), Error>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    let row = row.into_active_model().reset_all();
    M::Entity::update(row).exec_without_returning(&**transaction).await.map_err(unless_unique(what))?;
    Ok(())
}
