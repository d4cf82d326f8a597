//! Plants the counselors and the prompts that the product begins with.
//!
//! Idempotent: what is there already, by its id, is left as it is, so that what an operator has changed stays. So does
//! what an operator has put in the place of something that comes with a later release: another active version, another
//! prompt of a counselor, another start technique, another bearer of a name.

mod content;
mod episodes;

use content::{Counselor, SeedContent, Technique, Tone};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use shared::Error;
use shared::database::{Database, Transaction};
use shared::id::derived_id;
use shared::time::Timestamp;

use crate::counselors::entity::{bubble, counselor, tone};
use crate::prompts::domain::{Conditions, PromptActivateHistory, TransitionRule};
use crate::prompts::entity::{
    activate_history, persona_prompt, technique, tone_prompt, transition_rule, version,
};

/// Any number that nothing else in the database locks.
const SEED_LOCK: i64 = 0x7365_6564;

/// Adds what is missing, in one transaction. Of several services that start at once the others wait.
///
/// # Errors
/// When the content is broken or the database does not answer.
pub async fn plant(database: &Database, now: Timestamp) -> Result<(), Error> {
    let content = content::load().map_err(Error::internal)?;
    let transaction = database.begin().await?;
    transaction.lock(SEED_LOCK).await?;
    let seeds = Seeds { transaction: &transaction, now, version_id: &content.prompt_version.id };
    seeds.plant(&content).await?;
    transaction.commit().await
}

struct Seeds<'a> {
    transaction: &'a Transaction,
    now: Timestamp,
    version_id: &'a str,
}

impl Seeds<'_> {
    async fn plant(&self, content: &SeedContent) -> Result<(), Error> {
        self.version(content).await?;
        for tone in &content.tones {
            self.tone(tone).await?;
        }
        for counselor in &content.counselors {
            self.counselor(counselor).await?;
        }
        Ok(())
    }

    /// Active only where no other version is: an operator may have activated one.
    async fn version(&self, content: &SeedContent) -> Result<(), Error> {
        let active = version::Entity::find().filter(version::Column::IsActive.eq(true));
        let is_active = active.one(&**self.transaction).await?.is_none();
        let seed = &content.prompt_version;
        self.add(version::ActiveModel {
            id: Set(seed.id.clone()),
            name: Set(seed.name.clone()),
            name_key: Set(seed.name.to_lowercase()),
            description: Set(seed.description.clone()),
            is_active: Set(is_active),
            is_temporary: Set(false),
            is_bookmarked: Set(false),
            ai_model: Set(seed.ai_model.clone()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await?;
        if is_active {
            let history = PromptActivateHistory {
                id: derived_id(&["prompt_activate_history", &seed.id]),
                prompt_version_id: seed.id.clone(),
                activated_at: self.now,
            };
            self.add(activate_history::Model::from(&history).into_active_model().reset_all()).await?;
        }
        Ok(())
    }

    async fn tone(&self, seed: &Tone) -> Result<(), Error> {
        self.add(tone::ActiveModel {
            id: Set(seed.id.clone()),
            name: Set(seed.name.clone()),
            description: Set(seed.description.clone()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await?;
        if !self.is_there(tone::Entity::find_by_id(&seed.id)).await? {
            tracing::warn!(tone_id = seed.id, "a planted tone is left out: another tone has its name");
            return Ok(());
        }
        self.add(tone_prompt::ActiveModel {
            id: Set(seed.prompt_id.clone()),
            prompt_version_id: Set(self.version_id.to_owned()),
            tone_id: Set(seed.id.clone()),
            body: Set(seed.prompt.clone()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await?;
        let has_start = self.has_start_technique(&seed.id).await?;
        for (position, technique) in (1..).zip(&seed.techniques) {
            let is_start = technique.is_start_technique && !has_start;
            self.technique(&seed.id, position, is_start, technique).await?;
        }
        for technique in &seed.techniques {
            self.transitions(technique).await?;
        }
        Ok(())
    }

    async fn has_start_technique(&self, tone_id: &str) -> Result<bool, Error> {
        let start = technique::Entity::find()
            .filter(technique::Column::PromptVersionId.eq(self.version_id))
            .filter(technique::Column::ToneId.eq(tone_id))
            .filter(technique::Column::IsStartTechnique.eq(true));
        Ok(start.one(&**self.transaction).await?.is_some())
    }

    async fn technique(
        &self,
        tone_id: &str,
        position: i32,
        is_start: bool,
        seed: &Technique,
    ) -> Result<(), Error> {
        self.add(technique::ActiveModel {
            id: Set(seed.id.clone()),
            prompt_version_id: Set(self.version_id.to_owned()),
            tone_id: Set(tone_id.to_owned()),
            name: Set(seed.name.clone()),
            context: Set(seed.context.clone()),
            instruction: Set(seed.instruction.clone()),
            message_threshold: Set(seed.message_threshold),
            is_start_technique: Set(is_start),
            temperature: Set(seed.temperature),
            position: Set(position),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await
    }

    async fn transitions(&self, seed: &Technique) -> Result<(), Error> {
        for transition in &seed.transitions {
            let rule = TransitionRule {
                id: transition.id.clone(),
                prompt_version_id: self.version_id.to_owned(),
                from: seed.id.clone(),
                to: transition.to.clone(),
                priority: transition.priority,
                conditions: Conditions {
                    min_current_technique_message_count: transition.min_current_technique_message_count,
                    ..Conditions::default()
                },
                created_at: self.now,
                updated_at: self.now,
                deleted_at: None,
            };
            self.add(transition_rule::Model::from(&rule).into_active_model().reset_all()).await?;
        }
        Ok(())
    }

    async fn counselor(&self, seed: &Counselor) -> Result<(), Error> {
        if !self.is_there(tone::Entity::find_by_id(&seed.tone_id)).await? {
            tracing::warn!(counselor_id = seed.id, "a planted counselor is left out: so is their tone");
            return Ok(());
        }
        self.add(counselor::ActiveModel {
            id: Set(seed.id.clone()),
            tone_id: Set(seed.tone_id.clone()),
            name: Set(seed.name.clone()),
            description: Set(seed.description.clone()),
            profile_image: Set(seed.profile_image.clone()),
            gender: Set(seed.gender.clone()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await?;
        if !self.is_there(counselor::Entity::find_by_id(&seed.id)).await? {
            tracing::warn!(
                counselor_id = seed.id,
                "a planted counselor is left out: another one has their name"
            );
            return Ok(());
        }
        self.add(persona_prompt::ActiveModel {
            id: Set(seed.persona_prompt_id.clone()),
            prompt_version_id: Set(self.version_id.to_owned()),
            counselor_id: Set(seed.id.clone()),
            body: Set(seed.persona_prompt.clone()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            deleted_at: Set(None),
        })
        .await?;
        for seed_bubble in &seed.bubbles {
            self.add(bubble::ActiveModel {
                id: Set(seed_bubble.id.clone()),
                counselor_id: Set(seed.id.clone()),
                question: Set(seed_bubble.question.clone()),
                response_option1: Set(seed_bubble.response_option1.clone()),
                response_option2: Set(seed_bubble.response_option2.clone()),
                created_at: Set(self.now),
                updated_at: Set(self.now),
                deleted_at: Set(None),
            })
            .await?;
        }
        self.episodes(seed).await
    }

    async fn is_there<E: EntityTrait>(&self, row: Select<E>) -> Result<bool, Error> {
        Ok(row.one(&**self.transaction).await?.is_some())
    }

    /// Adds a row unless it is there already, or another one in its place.
    async fn add<A>(&self, row: A) -> Result<(), Error>
    where
        A: ActiveModelTrait + Send,
    {
        self.add_new(row).await?;
        Ok(())
    }

    /// As [`Self::add`]; tells whether the row is a new one.
    async fn add_new<A>(&self, row: A) -> Result<bool, Error>
    where
        A: ActiveModelTrait + Send,
    {
        let taken = OnConflict::new().do_nothing().to_owned();
        let insert = A::Entity::insert(row).on_conflict(taken);
        Ok(insert.exec_without_returning(&**self.transaction).await? == 1)
    }
}
