//! Prompts: for admins.

pub mod activate_histories;
mod conditions;
pub mod counsel_techniques;
mod labels;
pub mod persona_prompts;
pub mod temporary_version;
pub mod tone_prompts;
pub mod transition_rules;
pub mod versions;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::envelope::ApiError;
use crate::input::check_ids;

/// What belongs to a version, and maybe to one tone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OfToneQuery {
    #[param(format = Uuid)]
    prompt_version_id: String,
    /// Left out: of every tone.
    #[param(format = Uuid)]
    tone_id: Option<String>,
}

impl OfToneQuery {
    /// The version, and the tone if there is one.
    fn read(self) -> Result<(String, Option<String>), ApiError> {
        check_ids([("promptVersionId", Some(&self.prompt_version_id)), ("toneId", self.tone_id.as_ref())])?;
        Ok((self.prompt_version_id, self.tone_id))
    }
}
