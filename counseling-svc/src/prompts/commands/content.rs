//! Changing what the draft says about counselors and tones.

use shared::database::Transaction;
use shared::time::Timestamp;
use shared::{Error, id};

use super::super::domain::{CounselTechnique, Named, PersonaPrompt, TechniqueChange, TonePrompt};
use super::super::repository::Prompts;
use super::{PromptCommands, draft};

/// A technique to be added.
pub struct NewTechnique {
    /// Chosen by the caller.
    pub id: String,
    pub name: String,
    pub tone_id: String,
    pub context: String,
    pub instruction: String,
    pub message_threshold: i32,
    pub temperature: f64,
    pub is_start_technique: bool,
}

impl PromptCommands {
    /// Gives a counselor its prompt in the draft.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such counselor.
    pub async fn upsert_persona_prompt(
        &self,
        counselor_id: String,
        body: String,
    ) -> Result<PersonaPrompt, Error> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        require(&transaction.counselors().await?, &counselor_id, "counselor")?;
        let version_id = draft(&transaction, now).await?.id;
        let prompt = match transaction.persona_prompt(&version_id, &counselor_id).await? {
            Some(prompt) => PersonaPrompt { body, updated_at: now, ..prompt },
            None => PersonaPrompt {
                id: id::new_id(),
                prompt_version_id: version_id,
                counselor_id,
                body,
                created_at: now,
                updated_at: now,
            },
        };
        transaction.save_persona_prompt(&prompt).await?;
        transaction.commit().await?;
        Ok(prompt)
    }

    /// Gives a tone its prompt in the draft.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tone.
    pub async fn upsert_tone_prompt(&self, tone_id: String, body: String) -> Result<TonePrompt, Error> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        require(&transaction.tones().await?, &tone_id, "tone")?;
        let version_id = draft(&transaction, now).await?.id;
        let prompt = match transaction.tone_prompt(&version_id, &tone_id).await? {
            Some(prompt) => TonePrompt { body, updated_at: now, ..prompt },
            None => TonePrompt {
                id: id::new_id(),
                prompt_version_id: version_id,
                tone_id,
                body,
                created_at: now,
                updated_at: now,
            },
        };
        transaction.save_tone_prompt(&prompt).await?;
        transaction.commit().await?;
        Ok(prompt)
    }

    /// Adds a technique to the draft, after the others of its tone. Idempotent by the technique's id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tone.
    pub async fn create_technique(&self, new: NewTechnique) -> Result<CounselTechnique, Error> {
        let transaction = self.begin().await?;
        if let Some(earlier) = transaction.technique(&new.id).await? {
            return Ok(earlier);
        }
        let now = self.clock.now();
        require(&transaction.tones().await?, &new.tone_id, "tone")?;
        let version_id = draft(&transaction, now).await?.id;
        let technique = CounselTechnique {
            id: new.id,
            position: last_position(&transaction, &version_id, &new.tone_id).await? + 1,
            prompt_version_id: version_id,
            tone_id: new.tone_id,
            name: new.name,
            context: new.context,
            instruction: new.instruction,
            message_threshold: new.message_threshold,
            is_start_technique: new.is_start_technique,
            temperature: new.temperature,
            created_at: now,
            updated_at: now,
        };
        save(&transaction, &technique, now).await?;
        transaction.commit().await?;
        Ok(technique)
    }

    /// Changes a technique of the draft. When it is (or becomes) a start technique, it takes the place of the one of
    /// its (new) tone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such technique or tone; [`Error::FailedPrecondition`] when it is not of
    /// the draft, and when rules would then lead from one tone to another.
    pub async fn update_technique(
        &self,
        id: &str,
        mut change: TechniqueChange,
    ) -> Result<CounselTechnique, Error> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        let technique = transaction.technique(id).await?;
        let mut technique = technique.ok_or(Error::NotFound("counsel technique"))?;
        transaction.version(&technique.prompt_version_id).await?.require_draft()?;
        let moved_to = change.tone_id.take().filter(|tone_id| *tone_id != technique.tone_id);
        if let Some(tone_id) = moved_to {
            require(&transaction.tones().await?, &tone_id, "tone")?;
            if transaction.has_rules(id).await? {
                let message =
                    "the technique has transition rules, and they stay within a tone; delete them first";
                return Err(Error::FailedPrecondition(message.to_owned()));
            }
            technique.position =
                last_position(&transaction, &technique.prompt_version_id, &tone_id).await? + 1;
            technique.tone_id = tone_id;
        }
        technique.change(change, now);
        save(&transaction, &technique, now).await?;
        transaction.commit().await?;
        Ok(technique)
    }
}

fn require(existing: &[Named], id: &str, what: &'static str) -> Result<(), Error> {
    if existing.iter().any(|one| one.id == id) { Ok(()) } else { Err(Error::NotFound(what)) }
}

async fn last_position(transaction: &Transaction, version_id: &str, tone_id: &str) -> Result<i32, Error> {
    let techniques = transaction.techniques_of_tone(version_id, tone_id).await?;
    Ok(techniques.last().map_or(0, |technique| technique.position))
}

/// Keeps a technique. A start technique takes the place of its tone's start.
async fn save(transaction: &Transaction, technique: &CounselTechnique, now: Timestamp) -> Result<(), Error> {
    if technique.is_start_technique {
        let of_tone =
            transaction.techniques_of_tone(&technique.prompt_version_id, &technique.tone_id).await?;
        let former = of_tone.into_iter().filter(|other| other.is_start_technique && other.id != technique.id);
        for mut former in former {
            former.change(
                TechniqueChange { is_start_technique: Some(false), ..TechniqueChange::default() },
                now,
            );
            transaction.save_technique(&former).await?;
        }
    }
    transaction.save_technique(technique).await
}
