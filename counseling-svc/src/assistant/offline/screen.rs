//! Hears danger in a message by its words: without a model, and so without fail.

use std::sync::Arc;

use super::safety::{Safety, Sense};
use super::{OfflineContentError, read};
use crate::assistant::Risk;

/// Listens for danger. Clones share everything.
#[derive(Clone, Debug)]
pub struct RiskScreen(Arc<Safety>);

impl RiskScreen {
    /// Reads the words it knows, which are compiled in.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new() -> Result<Self, OfflineContentError> {
        let safety = read("safety.toml", include_str!("../../../content/offline/safety.toml"))?;
        Ok(Self(Arc::new(safety)))
    }

    /// The gravest danger that a message speaks of.
    pub fn screen(&self, message: &str) -> Option<Risk> {
        match self.sense(message) {
            Sense::Alarm(alarm) => Some(alarm.risk),
            Sense::Nothing | Sense::Denied => None,
        }
    }

    /// What a message says of danger.
    pub(super) fn sense(&self, message: &str) -> Sense {
        self.0.sense(message)
    }
}
