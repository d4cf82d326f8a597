//! Where prompts are kept.

mod rows;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ExprTrait, IntoActiveModel, Iterable, PrimaryKeyToColumn, QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::error::unless_unique;

use super::domain::{
    Content, CounselTechnique, Named, PersonaPrompt, PromptActivateHistory, PromptVersion, TonePrompt,
    TransitionRule,
};
use super::entity::{activate_history, persona_prompt, technique, tone_prompt, transition_rule, version};
use crate::counselors::entity::{counselor, tone};

/// Any number that nothing else in the database locks.
const PROMPTS_LOCK: i64 = 0x7072_6f6d_7074_7300;
/// How many rows one statement inserts at most; databases limit the values of a statement.
const ROWS_AT_ONCE: usize = 200;

/// What commands need of the place where prompts are kept.
pub trait Prompts {
    /// Waits for the writer before this one: until the end of the transaction nobody else changes prompts. Few people
    /// do, and so one lock over all of them costs nothing; it rules out every way in which two could meet.
    fn lock_prompts(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// A version by its id, deleted or not.
    fn version(&self, id: &str) -> impl Future<Output = Result<PromptVersion, Error>> + Send;

    /// The version that is being written.
    fn draft(&self) -> impl Future<Output = Result<Option<PromptVersion>, Error>> + Send;

    /// The version that new counsels use.
    fn active_version(&self) -> impl Future<Output = Result<Option<PromptVersion>, Error>> + Send;

    /// Keeps a new or changed version.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when another saved version has its name.
    fn save_version(&self, version: &PromptVersion) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps the fact that a version was activated.
    fn add_history(&self, history: &PromptActivateHistory) -> impl Future<Output = Result<(), Error>> + Send;

    /// Everything that a version consists of.
    fn content(&self, version_id: &str) -> impl Future<Output = Result<Content, Error>> + Send;

    /// Keeps the content of a new version.
    fn add_content(&self, content: &Content) -> impl Future<Output = Result<(), Error>> + Send;

    /// The counselors that are not deleted.
    fn counselors(&self) -> impl Future<Output = Result<Vec<Named>, Error>> + Send;

    /// The tones that are not deleted.
    fn tones(&self) -> impl Future<Output = Result<Vec<Named>, Error>> + Send;

    fn persona_prompt(
        &self,
        version_id: &str,
        counselor_id: &str,
    ) -> impl Future<Output = Result<Option<PersonaPrompt>, Error>> + Send;

    fn save_persona_prompt(&self, prompt: &PersonaPrompt) -> impl Future<Output = Result<(), Error>> + Send;

    fn tone_prompt(
        &self,
        version_id: &str,
        tone_id: &str,
    ) -> impl Future<Output = Result<Option<TonePrompt>, Error>> + Send;

    fn save_tone_prompt(&self, prompt: &TonePrompt) -> impl Future<Output = Result<(), Error>> + Send;

    fn technique(&self, id: &str) -> impl Future<Output = Result<Option<CounselTechnique>, Error>> + Send;

    /// A tone's techniques in their order.
    fn techniques_of_tone(
        &self,
        version_id: &str,
        tone_id: &str,
    ) -> impl Future<Output = Result<Vec<CounselTechnique>, Error>> + Send;

    fn save_technique(&self, technique: &CounselTechnique) -> impl Future<Output = Result<(), Error>> + Send;

    /// A rule by its id, deleted or not.
    fn rule(&self, id: &str) -> impl Future<Output = Result<Option<TransitionRule>, Error>> + Send;

    /// Whether rules lead from or to a technique.
    fn has_rules(&self, technique_id: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    fn save_rule(&self, rule: &TransitionRule) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Prompts for Transaction {
    async fn lock_prompts(&self) -> Result<(), Error> {
        self.lock(PROMPTS_LOCK).await
    }

    async fn version(&self, id: &str) -> Result<PromptVersion, Error> {
        let row = version::Entity::find_by_id(id).one(&**self).await?;
        row.ok_or(Error::NotFound("prompt version"))?.try_into()
    }

    async fn draft(&self) -> Result<Option<PromptVersion>, Error> {
        let draft = version::Entity::find()
            .filter(version::Column::IsTemporary.eq(true))
            .filter(version::Column::DeletedAt.is_null());
        draft.one(&**self).await?.map(TryInto::try_into).transpose()
    }

    async fn active_version(&self) -> Result<Option<PromptVersion>, Error> {
        let active = version::Entity::find().filter(version::Column::IsActive.eq(true));
        active.one(&**self).await?.map(TryInto::try_into).transpose()
    }

    async fn save_version(&self, version: &PromptVersion) -> Result<(), Error> {
        let saved = save::<version::Entity>(self, version.into()).await;
        saved.map_err(unless_unique("a prompt version with this name"))
    }

    async fn add_history(&self, history: &PromptActivateHistory) -> Result<(), Error> {
        Ok(save::<activate_history::Entity>(self, history.into()).await?)
    }

    async fn content(&self, version_id: &str) -> Result<Content, Error> {
        let persona_prompts = persona_prompt::Entity::find()
            .filter(persona_prompt::Column::PromptVersionId.eq(version_id))
            .filter(persona_prompt::Column::DeletedAt.is_null())
            .order_by_asc(persona_prompt::Column::Id);
        let tone_prompts = tone_prompt::Entity::find()
            .filter(tone_prompt::Column::PromptVersionId.eq(version_id))
            .filter(tone_prompt::Column::DeletedAt.is_null())
            .order_by_asc(tone_prompt::Column::Id);
        let techniques = technique::Entity::find()
            .filter(technique::Column::PromptVersionId.eq(version_id))
            .filter(technique::Column::DeletedAt.is_null())
            .order_by_asc(technique::Column::Id);
        let rules = transition_rule::Entity::find()
            .filter(transition_rule::Column::PromptVersionId.eq(version_id))
            .filter(transition_rule::Column::DeletedAt.is_null())
            .order_by_asc(transition_rule::Column::Id);
        let rules = rules.all(&**self).await?.into_iter().map(TransitionRule::try_from);
        Ok(Content {
            persona_prompts: all(persona_prompts.all(&**self).await?),
            tone_prompts: all(tone_prompts.all(&**self).await?),
            techniques: all(techniques.all(&**self).await?),
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    async fn add_content(&self, content: &Content) -> Result<(), Error> {
        add::<persona_prompt::Entity, _>(self, &content.persona_prompts).await?;
        add::<tone_prompt::Entity, _>(self, &content.tone_prompts).await?;
        add::<technique::Entity, _>(self, &content.techniques).await?;
        add::<transition_rule::Entity, _>(self, &content.rules).await
    }

    async fn counselors(&self) -> Result<Vec<Named>, Error> {
        let all = counselor::Entity::find().filter(counselor::Column::DeletedAt.is_null());
        let all = all.order_by_asc(counselor::Column::Id).all(&**self).await?;
        Ok(all.into_iter().map(|counselor| Named { id: counselor.id, name: counselor.name }).collect())
    }

    async fn tones(&self) -> Result<Vec<Named>, Error> {
        let all = tone::Entity::find().filter(tone::Column::DeletedAt.is_null());
        let all = all.order_by_asc(tone::Column::Id).all(&**self).await?;
        Ok(all.into_iter().map(|tone| Named { id: tone.id, name: tone.name }).collect())
    }

    async fn persona_prompt(
        &self,
        version_id: &str,
        counselor_id: &str,
    ) -> Result<Option<PersonaPrompt>, Error> {
        let prompt = persona_prompt::Entity::find()
            .filter(persona_prompt::Column::PromptVersionId.eq(version_id))
            .filter(persona_prompt::Column::CounselorId.eq(counselor_id));
        Ok(prompt.one(&**self).await?.map(Into::into))
    }

    async fn save_persona_prompt(&self, prompt: &PersonaPrompt) -> Result<(), Error> {
        Ok(save::<persona_prompt::Entity>(self, prompt.into()).await?)
    }

    async fn tone_prompt(&self, version_id: &str, tone_id: &str) -> Result<Option<TonePrompt>, Error> {
        let prompt = tone_prompt::Entity::find()
            .filter(tone_prompt::Column::PromptVersionId.eq(version_id))
            .filter(tone_prompt::Column::ToneId.eq(tone_id));
        Ok(prompt.one(&**self).await?.map(Into::into))
    }

    async fn save_tone_prompt(&self, prompt: &TonePrompt) -> Result<(), Error> {
        Ok(save::<tone_prompt::Entity>(self, prompt.into()).await?)
    }

    async fn technique(&self, id: &str) -> Result<Option<CounselTechnique>, Error> {
        Ok(technique::Entity::find_by_id(id).one(&**self).await?.map(Into::into))
    }

    async fn techniques_of_tone(
        &self,
        version_id: &str,
        tone_id: &str,
    ) -> Result<Vec<CounselTechnique>, Error> {
        let techniques = technique::Entity::find()
            .filter(technique::Column::PromptVersionId.eq(version_id))
            .filter(technique::Column::ToneId.eq(tone_id))
            .filter(technique::Column::DeletedAt.is_null())
            .order_by_asc(technique::Column::Position);
        Ok(all(techniques.all(&**self).await?))
    }

    async fn save_technique(&self, technique: &CounselTechnique) -> Result<(), Error> {
        Ok(save::<technique::Entity>(self, technique.into()).await?)
    }

    async fn rule(&self, id: &str) -> Result<Option<TransitionRule>, Error> {
        let row = transition_rule::Entity::find_by_id(id).one(&**self).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn has_rules(&self, technique_id: &str) -> Result<bool, Error> {
        let from = transition_rule::Column::FromCounselTechniqueId.eq(technique_id);
        let rules = transition_rule::Entity::find()
            .filter(from.or(transition_rule::Column::ToCounselTechniqueId.eq(technique_id)))
            .filter(transition_rule::Column::DeletedAt.is_null())
            .limit(1);
        Ok(rules.one(&**self).await?.is_some())
    }

    async fn save_rule(&self, rule: &TransitionRule) -> Result<(), Error> {
        Ok(save::<transition_rule::Entity>(self, rule.into()).await?)
    }
}

fn all<R, T: From<R>>(rows: Vec<R>) -> Vec<T> {
    rows.into_iter().map(Into::into).collect()
}

/// Adds a row, or puts it in the place of the one with its id.
async fn save<E>(transaction: &Transaction, row: E::Model) -> Result<(), DbErr>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
{
    let known = OnConflict::columns(E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column))
        .update_columns(E::Column::iter())
        .to_owned();
    let row = row.into_active_model().reset_all();
    E::insert(row).on_conflict(known).exec_without_returning(&**transaction).await?;
    Ok(())
}

/// Adds many rows.
async fn add<E, T>(transaction: &Transaction, items: &[T]) -> Result<(), Error>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel> + for<'a> From<&'a T>>,
{
    for items in items.chunks(ROWS_AT_ONCE) {
        let rows = items.iter().map(|item| E::Model::from(item).into_active_model().reset_all());
        E::insert_many(rows).exec_without_returning(&**transaction).await?;
    }
    Ok(())
}
