//! What the assistant is told: who it is, how it talks, what was said.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use shared::Error;
use shared::database::Database;
use shared::labels::stored;
use shared::proto::v1::AiModel;

use super::domain::{Author, Message};
use super::recent::Recent;
use crate::assistant::{Persona, Scene, Speaker, Technique, Tone, Utterance};
use crate::counselors::queries::CounselorQueries;
use crate::prompts::queries::PromptQueries;

/// Gathers scenes and turns.
#[derive(Clone)]
pub struct Stage {
    pub counselors: CounselorQueries,
    pub prompts: PromptQueries,
    scenes: Arc<Recent<Scene>>,
    models: Arc<Recent<AiModel>>,
}

impl Stage {
    pub fn new(database: &Database) -> Self {
        Self {
            counselors: CounselorQueries::new(database.clone()),
            prompts: PromptQueries::new(database.clone()),
            scenes: Arc::default(),
            models: Arc::default(),
        }
    }

    /// The model that a version's prompts are written for.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn model(&self, version_id: &str) -> Result<AiModel, Error> {
        let read =
            async { stored(&self.prompts.version(version_id).await?.ai_model, AiModel::from_str_name) };
        self.models.get(&[version_id], read).await
    }

    /// A counselor with a technique in a version. The seed is the counsel's, so that its answers can be told again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when one of them is not there, [`Error::FailedPrecondition`] when the version lacks a prompt.
    pub async fn scene(
        &self,
        counselor_id: &str,
        version_id: &str,
        technique_id: &str,
        counsel_id: &str,
    ) -> Result<Scene, Error> {
        let read = self.set(counselor_id, version_id, technique_id);
        let scene = self.scenes.get(&[counselor_id, version_id, technique_id], read).await?;
        Ok(Scene { seed: seed_of(counsel_id), ..scene })
    }

    async fn set(&self, counselor_id: &str, version_id: &str, technique_id: &str) -> Result<Scene, Error> {
        let counselor = self.counselors.counselor(counselor_id).await?;
        let technique = self.prompts.technique(technique_id).await?;
        let model = self.model(version_id).await?;
        let tone = self.counselors.tone(&counselor.tone_id).await?;
        let persona_prompt = self.prompts.persona_prompt(version_id, &counselor.id).await?;
        let tone_prompt = self.prompts.tone_prompt(version_id, &counselor.tone_id).await?;
        Ok(Scene {
            persona: Persona {
                counselor_name: counselor.name,
                description: counselor.description,
                prompt: persona_prompt,
            },
            tone: Tone { name: tone.name, prompt: tone_prompt },
            technique: Technique {
                name: technique.name,
                context: technique.context,
                instruction: technique.instruction,
                temperature: technique.temperature,
            },
            model,
            seed: 0,
        })
    }
}

/// What a message says.
pub fn utterance(message: &Message) -> Utterance {
    let speaker = match message.author {
        Author::User { .. } => Speaker::User,
        Author::Counselor { .. } => Speaker::Counselor,
    };
    Utterance { speaker, text: message.text.clone() }
}

fn seed_of(counsel_id: &str) -> u64 {
    let digest = Sha256::digest(counsel_id.as_bytes());
    digest.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
}
