//! What counselors speak from, and the rules about it.
//!
//! A [`PromptVersion`] is all of it at one time: a [`PersonaPrompt`] for each counselor, a [`TonePrompt`] and
//! [`CounselTechnique`]s for each tone, and [`TransitionRule`]s that lead from one technique to the next. Only the
//! draft can be changed; a saved version never changes but for its name and the like, so that what was tried is what
//! is activated.

mod completeness;
mod conditions;
mod content;
mod text;
mod transitions;
mod version;

pub use completeness::{Gap, Named, gaps};
pub use conditions::Conditions;
pub(super) use conditions::for_each_condition;
pub use content::{
    Content, CounselTechnique, PersonaPrompt, TechniqueChange, TonePrompt, check_temperature, check_threshold,
};
pub use text::{BODY, CONTEXT, DESCRIPTION, NAME, TextRule};
pub use transitions::{RuleChange, TransitionRule, next_technique};
pub use version::{PromptActivateHistory, PromptVersion, VersionChange, VersionState};

#[cfg(test)]
mod tests;
