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

use shared::{Violations, id};

use crate::envelope::ApiError;
use crate::input::IdempotencyKey;
use crate::session::Session;

/// Checks ids in the query; each that is none is listed.
fn check_ids<const N: usize>(ids: [(&'static str, Option<&String>); N]) -> Result<(), ApiError> {
    let malformed = |(name, value): (&'static str, Option<&String>)| {
        let mut violations = Violations::default();
        id::check_id(name, value?, &mut violations);
        (!violations.is_empty()).then(|| violations.to_string())
    };
    let details: Vec<_> = ids.into_iter().filter_map(malformed).collect();
    if details.is_empty() { Ok(()) } else { Err(ApiError::invalid(details)) }
}

/// The id of what a request makes: with an idempotency key always the same, so that a repeat finds it.
fn id_for(key: &IdempotencyKey, session: &Session, what: &str) -> String {
    match &key.key {
        Some(key) => id::derived_id(&[what, &session.user_id, key]),
        None => id::new_id(),
    }
}
