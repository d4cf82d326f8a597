//! What a version consists of.

use std::collections::HashMap;

use shared::time::Timestamp;
use shared::{Error, Violations};

use super::TransitionRule;

/// What a counselor is, in a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaPrompt {
    pub id: String,
    pub prompt_version_id: String,
    pub counselor_id: String,
    pub body: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a tone sounds, in a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TonePrompt {
    pub id: String,
    pub prompt_version_id: String,
    pub tone_id: String,
    pub body: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A way to talk, for the counselors of a tone.
#[derive(Clone, Debug, PartialEq)]
pub struct CounselTechnique {
    pub id: String,
    pub prompt_version_id: String,
    pub tone_id: String,
    pub name: String,
    /// When it is used.
    pub context: String,
    /// How to talk.
    pub instruction: String,
    /// How many of the user's messages it has before a counsel may leave it; 1 or more.
    pub message_threshold: i32,
    /// Whether counsels of the tone begin in it; at most one of each tone.
    pub is_start_technique: bool,
    /// How freely a model answers: 0.0 to 2.0.
    pub temperature: f64,
    /// The order of a tone's techniques, from 1.
    pub position: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What changes in a technique; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TechniqueChange {
    pub name: Option<String>,
    pub tone_id: Option<String>,
    pub context: Option<String>,
    pub instruction: Option<String>,
    pub message_threshold: Option<i32>,
    pub temperature: Option<f64>,
    pub is_start_technique: Option<bool>,
}

impl CounselTechnique {
    /// Changes everything but the tone, which others have a say in.
    pub fn change(&mut self, change: TechniqueChange, now: Timestamp) {
        self.name = change.name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.context = change.context.unwrap_or_else(|| std::mem::take(&mut self.context));
        self.instruction = change.instruction.unwrap_or_else(|| std::mem::take(&mut self.instruction));
        self.message_threshold = change.message_threshold.unwrap_or(self.message_threshold);
        self.temperature = change.temperature.unwrap_or(self.temperature);
        self.is_start_technique = change.is_start_technique.unwrap_or(self.is_start_technique);
        self.updated_at = now;
    }
}

/// Checks how long a technique is kept at least.
pub fn check_threshold(threshold: i32, violations: &mut Violations) {
    violations.check((1..=1000).contains(&threshold), "message_threshold", "must be 1 to 1000");
}

/// Checks how freely a model may answer.
pub fn check_temperature(temperature: f64, violations: &mut Violations) {
    violations.check((0.0..=2.0).contains(&temperature), "temperature", "must be 0.0 to 2.0");
}

/// Everything that a version consists of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    pub persona_prompts: Vec<PersonaPrompt>,
    pub tone_prompts: Vec<TonePrompt>,
    pub techniques: Vec<CounselTechnique>,
    pub rules: Vec<TransitionRule>,
}

impl Content {
    /// A copy for another version: everything has a new id, and the rules lead between the copies of the techniques.
    ///
    /// # Errors
    /// [`Error::Internal`] when a rule leads out of the version.
    pub fn cloned_into(
        self,
        version_id: &str,
        new_id: impl Fn() -> String,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut copies = HashMap::new();
        macro_rules! copy {
            ($original:expr) => {{
                let mut copy = $original;
                copy.id = new_id();
                copy.prompt_version_id = version_id.to_owned();
                copy.created_at = now;
                copy.updated_at = now;
                copy
            }};
        }
        let persona_prompts = self.persona_prompts.into_iter().map(|prompt| copy!(prompt)).collect();
        let tone_prompts = self.tone_prompts.into_iter().map(|prompt| copy!(prompt)).collect();
        let mut techniques = Vec::with_capacity(self.techniques.len());
        for original in self.techniques {
            let original_id = original.id.clone();
            let technique = copy!(original);
            copies.insert(original_id, technique.id.clone());
            techniques.push(technique);
        }
        let copy_of = |id: &str| {
            copies.get(id).cloned().ok_or_else(|| Error::internal(format!("a rule leads to or from {id}")))
        };
        let mut rules = Vec::with_capacity(self.rules.len());
        for original in self.rules {
            let mut rule = copy!(original);
            rule.from = copy_of(&rule.from)?;
            rule.to = copy_of(&rule.to)?;
            rules.push(rule);
        }
        Ok(Self { persona_prompts, tone_prompts, techniques, rules })
    }
}
