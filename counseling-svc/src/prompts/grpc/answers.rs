//! From the domain to the protocol.

use shared::proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, PreconditionViolation, StatusExt};

use super::super::commands::ActivateError;
use super::super::domain::{
    CounselTechnique, PersonaPrompt, PromptActivateHistory, PromptVersion, TonePrompt, TransitionRule,
    VersionState, for_each_condition,
};

/// Translates every item of a list.
pub fn all<T, P: From<T>>(items: Vec<T>) -> Vec<P> {
    items.into_iter().map(P::from).collect()
}

/// Lists everything that is missing, each by itself for clients and all in the message for people.
pub fn not_activated(error: ActivateError) -> Status {
    let message = error.to_string();
    match error {
        ActivateError::Incomplete(gaps) => {
            let violations: Vec<_> = gaps
                .into_iter()
                .map(|gap| PreconditionViolation::new("MISSING", gap.part, gap.description))
                .collect();
            let details = ErrorDetails::with_precondition_failure(violations);
            Status::with_error_details(Code::FailedPrecondition, message, details)
        }
        ActivateError::Other(error) => error.into(),
    }
}

impl From<PromptVersion> for v1::PromptVersion {
    fn from(version: PromptVersion) -> Self {
        let (is_active, is_temporary, deleted_at) = match version.state {
            VersionState::Draft => (false, true, None),
            VersionState::Saved => (false, false, None),
            VersionState::Active => (true, false, None),
            VersionState::Deleted { at, was_draft } => (false, was_draft, Some(at)),
        };
        Self {
            id: version.id,
            name: version.name,
            description: version.description,
            is_active,
            is_temporary,
            is_bookmarked: version.is_bookmarked,
            ai_model: version.ai_model.into(),
            created_at: Some(version.created_at.into()),
            updated_at: Some(version.updated_at.into()),
            deleted_at: deleted_at.map(Into::into),
        }
    }
}

impl From<PromptActivateHistory> for v1::PromptActivateHistory {
    fn from(history: PromptActivateHistory) -> Self {
        let at = Some(history.activated_at.into());
        Self {
            id: history.id,
            prompt_version_id: history.prompt_version_id,
            activated_at: at,
            created_at: at,
            updated_at: at,
            deleted_at: None,
        }
    }
}

impl From<PersonaPrompt> for v1::PersonaPrompt {
    fn from(prompt: PersonaPrompt) -> Self {
        Self {
            id: prompt.id,
            prompt_version_id: prompt.prompt_version_id,
            counselor_id: prompt.counselor_id,
            body: prompt.body,
            created_at: Some(prompt.created_at.into()),
            updated_at: Some(prompt.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<TonePrompt> for v1::TonePrompt {
    fn from(prompt: TonePrompt) -> Self {
        Self {
            id: prompt.id,
            prompt_version_id: prompt.prompt_version_id,
            tone_id: prompt.tone_id,
            body: prompt.body,
            created_at: Some(prompt.created_at.into()),
            updated_at: Some(prompt.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<CounselTechnique> for v1::CounselTechnique {
    fn from(technique: CounselTechnique) -> Self {
        Self {
            id: technique.id,
            prompt_version_id: technique.prompt_version_id,
            name: technique.name,
            tone_id: technique.tone_id,
            context: technique.context,
            instruction: technique.instruction,
            message_threshold: technique.message_threshold,
            is_start_technique: technique.is_start_technique,
            temperature: technique.temperature,
            created_at: Some(technique.created_at.into()),
            updated_at: Some(technique.updated_at.into()),
            deleted_at: None,
        }
    }
}

macro_rules! translate {
    (
        labels { $($list:ident $label:ident $known:ident,)* }
        bounds { $($min:ident $max:ident $rule:tt,)* }
        flags { $($flag:ident $sign:ident,)* }
    ) => {
        impl From<TransitionRule> for v1::CounselTechniqueTransitionRule {
            fn from(rule: TransitionRule) -> Self {
                let conditions = v1::TransitionConditions {
                    $($list: rule.conditions.$list.into_iter().map(Into::into).collect(),)*
                    $($min: rule.conditions.$min, $max: rule.conditions.$max,)*
                    $($flag: rule.conditions.$flag,)*
                };
                Self {
                    id: rule.id,
                    prompt_version_id: rule.prompt_version_id,
                    from_counsel_technique_id: rule.from,
                    to_counsel_technique_id: rule.to,
                    priority: rule.priority,
                    conditions: Some(conditions),
                    created_at: Some(rule.created_at.into()),
                    updated_at: Some(rule.updated_at.into()),
                    deleted_at: rule.deleted_at.map(Into::into),
                }
            }
        }
    };
}

for_each_condition!(translate);
