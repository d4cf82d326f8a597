//! What admins look at. The content of a deleted version is not found.

use sea_orm::Select;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, Query, SelectStatement};
use shared::Error;
use shared::page::{Listed, Page};

use super::super::domain::{
    CounselTechnique, PersonaPrompt, PromptActivateHistory, PromptVersion, TonePrompt, TransitionRule,
};
use super::super::entity::{
    activate_history, persona_prompt, technique, tone_prompt, transition_rule, version,
};
use super::PromptQueries;

/// Which versions.
#[derive(Default)]
pub struct Versions {
    /// Part of the name, whatever the case.
    pub name: Option<String>,
    pub is_bookmarked: Option<bool>,
}

/// Which rules.
pub struct Rules {
    pub prompt_version_id: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

impl PromptQueries {
    /// The saved versions, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn versions(
        &self,
        which: Versions,
        page: Page<(i64, String)>,
    ) -> Result<Listed<PromptVersion>, Error> {
        let mut versions = version::Entity::find()
            .filter(version::Column::IsTemporary.eq(false))
            .filter(version::Column::DeletedAt.is_null());
        if let Some(name) = which.name {
            versions = versions.filter(version::Column::NameKey.like(containing(&name.to_lowercase())));
        }
        if let Some(is_bookmarked) = which.is_bookmarked {
            versions = versions.filter(version::Column::IsBookmarked.eq(is_bookmarked));
        }
        let mut versions = versions.cursor_by((version::Column::CreatedAt, version::Column::Id));
        let rows = page.seek(versions.desc()).all(self.database.read()).await?;
        let versions = rows.into_iter().map(PromptVersion::try_from).collect::<Result<_, _>>()?;
        page.cut(versions, |version: &PromptVersion| (version.created_at.as_micros(), version.id.clone()))
    }

    /// The draft, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn draft(&self) -> Result<Option<PromptVersion>, Error> {
        let draft = version::Entity::find()
            .filter(version::Column::IsTemporary.eq(true))
            .filter(version::Column::DeletedAt.is_null());
        draft.one(self.database.read()).await?.map(PromptVersion::try_from).transpose()
    }

    /// When versions were activated, newest first; of one version or of all, deleted ones too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn activate_histories(
        &self,
        version_id: Option<String>,
        page: Page<(i64, String)>,
    ) -> Result<Listed<PromptActivateHistory>, Error> {
        let mut histories = activate_history::Entity::find();
        if let Some(version_id) = version_id {
            histories = histories.filter(activate_history::Column::PromptVersionId.eq(version_id));
        }
        let mut histories =
            histories.cursor_by((activate_history::Column::ActivatedAt, activate_history::Column::Id));
        let rows = page.seek(histories.desc()).all(self.database.read()).await?;
        let histories = rows.into_iter().map(PromptActivateHistory::from).collect();
        page.cut(histories, |history: &PromptActivateHistory| {
            (history.activated_at.as_micros(), history.id.clone())
        })
    }

    /// The persona prompts of a version, by counselor.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn persona_prompts(
        &self,
        version_id: &str,
        counselor_id: Option<String>,
        page: Page<String>,
    ) -> Result<Listed<PersonaPrompt>, Error> {
        use persona_prompt::{Column, Entity};
        self.existing_version(version_id).await?;
        let mut prompts = Entity::find().filter(Column::PromptVersionId.eq(version_id));
        if let Some(counselor_id) = counselor_id {
            prompts = prompts.filter(Column::CounselorId.eq(counselor_id));
        }
        let mut prompts = prompts.filter(Column::DeletedAt.is_null()).cursor_by(Column::CounselorId);
        let rows = page.seek(&mut prompts).all(self.database.read()).await?;
        let prompts = rows.into_iter().map(PersonaPrompt::from).collect();
        page.cut(prompts, |prompt: &PersonaPrompt| prompt.counselor_id.clone())
    }

    /// One persona prompt.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn one_persona_prompt(&self, id: &str) -> Result<PersonaPrompt, Error> {
        let prompt =
            existing(persona_prompt::Entity::find_by_id(id), persona_prompt::Column::PromptVersionId);
        let prompt = prompt.filter(persona_prompt::Column::DeletedAt.is_null());
        let prompt = prompt.one(self.database.read()).await?;
        prompt.map(Into::into).ok_or(Error::NotFound("persona prompt"))
    }

    /// The tone prompts of a version, by tone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn tone_prompts(
        &self,
        version_id: &str,
        tone_id: Option<String>,
        page: Page<String>,
    ) -> Result<Listed<TonePrompt>, Error> {
        use tone_prompt::{Column, Entity};
        self.existing_version(version_id).await?;
        let mut prompts = Entity::find().filter(Column::PromptVersionId.eq(version_id));
        if let Some(tone_id) = tone_id {
            prompts = prompts.filter(Column::ToneId.eq(tone_id));
        }
        let mut prompts = prompts.filter(Column::DeletedAt.is_null()).cursor_by(Column::ToneId);
        let rows = page.seek(&mut prompts).all(self.database.read()).await?;
        let prompts = rows.into_iter().map(TonePrompt::from).collect();
        page.cut(prompts, |prompt: &TonePrompt| prompt.tone_id.clone())
    }

    /// One tone prompt.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn one_tone_prompt(&self, id: &str) -> Result<TonePrompt, Error> {
        let prompt = existing(tone_prompt::Entity::find_by_id(id), tone_prompt::Column::PromptVersionId);
        let prompt = prompt.filter(tone_prompt::Column::DeletedAt.is_null());
        let prompt = prompt.one(self.database.read()).await?;
        prompt.map(Into::into).ok_or(Error::NotFound("tone prompt"))
    }

    /// The techniques of a version, by tone and then in their order.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn techniques(
        &self,
        version_id: &str,
        tone_id: Option<String>,
        page: Page<(String, i32, String)>,
    ) -> Result<Listed<CounselTechnique>, Error> {
        use technique::{Column, Entity};
        self.existing_version(version_id).await?;
        let mut techniques = Entity::find().filter(Column::PromptVersionId.eq(version_id));
        if let Some(tone_id) = tone_id {
            techniques = techniques.filter(Column::ToneId.eq(tone_id));
        }
        let techniques = techniques.filter(Column::DeletedAt.is_null());
        let mut techniques = techniques.cursor_by((Column::ToneId, Column::Position, Column::Id));
        let rows = page.seek(&mut techniques).all(self.database.read()).await?;
        let techniques = rows.into_iter().map(CounselTechnique::from).collect();
        page.cut(techniques, |technique: &CounselTechnique| {
            (technique.tone_id.clone(), technique.position, technique.id.clone())
        })
    }

    /// One technique, unless its version is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn existing_technique(&self, id: &str) -> Result<CounselTechnique, Error> {
        let technique = existing(technique::Entity::find_by_id(id), technique::Column::PromptVersionId);
        let technique = technique.filter(technique::Column::DeletedAt.is_null());
        let technique = technique.one(self.database.read()).await?;
        technique.map(Into::into).ok_or(Error::NotFound("counsel technique"))
    }

    /// The rules of a version, by the technique that they lead away from.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn rules(
        &self,
        which: Rules,
        page: Page<(String, String)>,
    ) -> Result<Listed<TransitionRule>, Error> {
        use transition_rule::{Column, Entity};
        self.existing_version(&which.prompt_version_id).await?;
        let mut rules = Entity::find().filter(Column::PromptVersionId.eq(which.prompt_version_id));
        if let Some(from) = which.from {
            rules = rules.filter(Column::FromCounselTechniqueId.eq(from));
        }
        if let Some(to) = which.to {
            rules = rules.filter(Column::ToCounselTechniqueId.eq(to));
        }
        let rules = rules.filter(Column::DeletedAt.is_null());
        let mut rules = rules.cursor_by((Column::FromCounselTechniqueId, Column::Id));
        let rows = page.seek(&mut rules).all(self.database.read()).await?;
        let rules = rows.into_iter().map(TransitionRule::try_from).collect::<Result<_, _>>()?;
        page.cut(rules, |rule: &TransitionRule| (rule.from.clone(), rule.id.clone()))
    }

    /// One rule.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rule(&self, id: &str) -> Result<TransitionRule, Error> {
        let rule =
            existing(transition_rule::Entity::find_by_id(id), transition_rule::Column::PromptVersionId);
        let rule = rule.filter(transition_rule::Column::DeletedAt.is_null());
        let rule = rule.one(self.database.read()).await?;
        rule.ok_or(Error::NotFound("counsel technique transition rule"))?.try_into()
    }
}

/// Only what is of a version that is not deleted.
fn existing<E: EntityTrait>(select: Select<E>, version_id: impl ColumnTrait) -> Select<E> {
    select.filter(version_id.in_subquery(existing_versions()))
}

fn existing_versions() -> SelectStatement {
    Query::select()
        .column(version::Column::Id)
        .from(version::Entity)
        .and_where(Expr::col(version::Column::DeletedAt).is_null())
        .take()
}

/// The pattern of a text that contains `part`, whatever characters that has.
fn containing(part: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}
