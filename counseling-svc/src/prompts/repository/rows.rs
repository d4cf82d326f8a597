//! Between rows and what they mean.

use shared::Error;
use shared::labels::stored;
use shared::proto::v1::AiModel;

use crate::prompts::domain::{
    Conditions, CounselTechnique, PersonaPrompt, PromptActivateHistory, PromptVersion, TonePrompt,
    TransitionRule, VersionState, for_each_condition,
};
use crate::prompts::entity::{
    activate_history, persona_prompt, technique, tone_prompt, transition_rule, version,
};

impl TryFrom<version::Model> for PromptVersion {
    type Error = Error;

    fn try_from(row: version::Model) -> Result<Self, Error> {
        let state = match (row.deleted_at, row.is_temporary, row.is_active) {
            (Some(at), was_draft, _) => VersionState::Deleted { at, was_draft },
            (None, true, _) => VersionState::Draft,
            (None, false, true) => VersionState::Active,
            (None, false, false) => VersionState::Saved,
        };
        Ok(Self {
            ai_model: stored(&row.ai_model, AiModel::from_str_name)?,
            id: row.id,
            name: row.name,
            description: row.description,
            state,
            is_bookmarked: row.is_bookmarked,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl From<&PromptVersion> for version::Model {
    fn from(version: &PromptVersion) -> Self {
        let (is_active, is_temporary, deleted_at) = match version.state {
            VersionState::Draft => (false, true, None),
            VersionState::Saved => (false, false, None),
            VersionState::Active => (true, false, None),
            VersionState::Deleted { at, was_draft } => (false, was_draft, Some(at)),
        };
        Self {
            id: version.id.clone(),
            name: version.name.clone(),
            name_key: version.name_key(),
            description: version.description.clone(),
            is_active,
            is_temporary,
            is_bookmarked: version.is_bookmarked,
            ai_model: version.ai_model.as_str_name().to_owned(),
            created_at: version.created_at,
            updated_at: version.updated_at,
            deleted_at,
        }
    }
}

/// Between a row of a table and a domain type whose fields have the names of its columns.
macro_rules! same_fields {
    ($row:ty, $entity:ty { $($field:ident),* }) => {
        impl From<$row> for $entity {
            fn from(row: $row) -> Self {
                Self { $($field: row.$field),* }
            }
        }

        impl From<&$entity> for $row {
            fn from(entity: &$entity) -> Self {
                Self { $($field: entity.$field.clone(),)* deleted_at: None }
            }
        }
    };
}

same_fields!(
    persona_prompt::Model,
    PersonaPrompt { id, prompt_version_id, counselor_id, body, created_at, updated_at }
);
same_fields!(tone_prompt::Model, TonePrompt { id, prompt_version_id, tone_id, body, created_at, updated_at });
same_fields!(
    technique::Model,
    CounselTechnique {
        id,
        prompt_version_id,
        tone_id,
        name,
        context,
        instruction,
        message_threshold,
        is_start_technique,
        temperature,
        position,
        created_at,
        updated_at
    }
);

impl From<activate_history::Model> for PromptActivateHistory {
    fn from(row: activate_history::Model) -> Self {
        Self { id: row.id, prompt_version_id: row.prompt_version_id, activated_at: row.activated_at }
    }
}

impl From<&PromptActivateHistory> for activate_history::Model {
    fn from(history: &PromptActivateHistory) -> Self {
        Self {
            id: history.id.clone(),
            prompt_version_id: history.prompt_version_id.clone(),
            activated_at: history.activated_at,
            created_at: history.activated_at,
            updated_at: history.activated_at,
            deleted_at: None,
        }
    }
}

/// Labels as a column holds them.
fn joined<L: Copy>(labels: &[L], name: fn(&L) -> &'static str) -> String {
    labels.iter().map(name).collect::<Vec<_>>().join(",")
}

/// The labels that a column holds.
fn split<L>(names: &str, parse: fn(&str) -> Option<L>) -> Result<Vec<L>, Error> {
    names.split(',').filter(|name| !name.is_empty()).map(|name| stored(name, parse)).collect()
}

macro_rules! translate {
    (
        labels { $($list:ident $label:ident $known:ident,)* }
        bounds { $($min:ident $max:ident $rule:tt,)* }
        flags { $($flag:ident $sign:ident,)* }
    ) => {
        impl TryFrom<transition_rule::Model> for TransitionRule {
            type Error = Error;

            fn try_from(row: transition_rule::Model) -> Result<Self, Error> {
                let conditions = Conditions {
                    $($list: split(&row.$list, shared::proto::v1::$label::from_str_name)?,)*
                    $($min: row.$min, $max: row.$max,)*
                    $($flag: row.$flag,)*
                };
                Ok(Self {
                    id: row.id,
                    prompt_version_id: row.prompt_version_id,
                    from: row.from_counsel_technique_id,
                    to: row.to_counsel_technique_id,
                    priority: row.priority,
                    conditions,
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    deleted_at: row.deleted_at,
                })
            }
        }

        impl From<&TransitionRule> for transition_rule::Model {
            fn from(rule: &TransitionRule) -> Self {
                let conditions = &rule.conditions;
                Self {
                    id: rule.id.clone(),
                    prompt_version_id: rule.prompt_version_id.clone(),
                    from_counsel_technique_id: rule.from.clone(),
                    to_counsel_technique_id: rule.to.clone(),
                    priority: rule.priority,
                    $($list: joined(&conditions.$list, shared::proto::v1::$label::as_str_name),)*
                    $($min: conditions.$min, $max: conditions.$max,)*
                    $($flag: conditions.$flag,)*
                    created_at: rule.created_at,
                    updated_at: rule.updated_at,
                    deleted_at: rule.deleted_at,
                }
            }
        }
    };
}

for_each_condition!(translate);
