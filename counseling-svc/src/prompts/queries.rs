//! Reading prompts: here what counsels need, in [`lists`] what admins look at.
//!
//! What counsels need is found by the ids that they hold, whether the version is deleted by now or not.

mod lists;

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;

use super::domain::TransitionRule;
use super::entity::{persona_prompt, technique, tone_prompt, transition_rule, version};

pub use lists::{Rules, Versions};

/// Reads prompts.
#[derive(Clone)]
pub struct PromptQueries {
    database: Database,
}

impl PromptQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The version that new counsels use.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none is active.
    pub async fn active_version(&self) -> Result<version::Model, Error> {
        let active = version::Entity::find().filter(version::Column::IsActive.eq(true));
        active.one(self.database.read()).await?.ok_or(Error::NotFound("active prompt version"))
    }

    /// One version, also one that is deleted: counsels that use it go on with it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn version(&self, id: &str) -> Result<version::Model, Error> {
        let found = version::Entity::find_by_id(id).one(self.database.read()).await?;
        found.ok_or(Error::NotFound("prompt version"))
    }

    /// One version that is not deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn existing_version(&self, id: &str) -> Result<version::Model, Error> {
        let version = self.version(id).await?;
        if version.deleted_at.is_some() { Err(Error::NotFound("prompt version")) } else { Ok(version) }
    }

    /// One technique.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn technique(&self, id: &str) -> Result<technique::Model, Error> {
        let found = technique::Entity::find_by_id(id).one(self.database.read()).await?;
        found.ok_or(Error::NotFound("counsel technique"))
    }

    /// The technique in which counsels of a tone begin.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when the version has none for this tone.
    pub async fn start_technique(&self, version_id: &str, tone_id: &str) -> Result<technique::Model, Error> {
        let start = technique::Entity::find()
            .filter(technique::Column::PromptVersionId.eq(version_id))
            .filter(technique::Column::ToneId.eq(tone_id))
            .filter(technique::Column::IsStartTechnique.eq(true))
            .filter(technique::Column::DeletedAt.is_null());
        start.one(self.database.read()).await?.ok_or_else(|| {
            Error::FailedPrecondition(
                "the prompt version has no start technique for this counselor's tone".to_owned(),
            )
        })
    }

    /// What a counselor is in a version.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when the version says nothing about the counselor.
    pub async fn persona_prompt(&self, version_id: &str, counselor_id: &str) -> Result<String, Error> {
        let prompt = persona_prompt::Entity::find()
            .filter(persona_prompt::Column::PromptVersionId.eq(version_id))
            .filter(persona_prompt::Column::CounselorId.eq(counselor_id))
            .filter(persona_prompt::Column::DeletedAt.is_null());
        let missing = || {
            Error::FailedPrecondition(
                "the prompt version has no persona prompt for this counselor".to_owned(),
            )
        };
        Ok(prompt.one(self.database.read()).await?.ok_or_else(missing)?.body)
    }

    /// How a tone sounds in a version.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when the version says nothing about the tone.
    pub async fn tone_prompt(&self, version_id: &str, tone_id: &str) -> Result<String, Error> {
        let prompt = tone_prompt::Entity::find()
            .filter(tone_prompt::Column::PromptVersionId.eq(version_id))
            .filter(tone_prompt::Column::ToneId.eq(tone_id))
            .filter(tone_prompt::Column::DeletedAt.is_null());
        let missing = || {
            Error::FailedPrecondition(
                "the prompt version has no tone prompt for this counselor's tone".to_owned(),
            )
        };
        Ok(prompt.one(self.database.read()).await?.ok_or_else(missing)?.body)
    }

    /// The rules that lead away from a technique.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rules_from(&self, technique_id: &str) -> Result<Vec<TransitionRule>, Error> {
        let rules = transition_rule::Entity::find()
            .filter(transition_rule::Column::FromCounselTechniqueId.eq(technique_id))
            .filter(transition_rule::Column::DeletedAt.is_null());
        let rules = rules.all(self.database.read()).await?;
        rules.into_iter().map(TransitionRule::try_from).collect()
    }
}
