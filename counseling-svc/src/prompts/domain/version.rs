//! The aggregate root [`PromptVersion`].

use shared::Error;
use shared::proto::v1::AiModel;
use shared::time::Timestamp;

/// A version of all prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptVersion {
    pub id: String,
    pub name: String,
    pub description: String,
    pub state: VersionState,
    pub is_bookmarked: bool,
    pub ai_model: AiModel,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a version stands: `Draft` → `Saved` ⇄ `Active`; all but the active one can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// Being written; the only one whose content changes. There is at most one.
    Draft,
    /// Finished.
    Saved,
    /// What new counsels use. There is exactly one.
    Active,
    /// Gone, except for the counsels that use it.
    Deleted { at: Timestamp, was_draft: bool },
}

/// What changes about a version itself; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub is_bookmarked: Option<bool>,
    pub ai_model: Option<AiModel>,
}

/// When a version became the active one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptActivateHistory {
    pub id: String,
    pub prompt_version_id: String,
    pub activated_at: Timestamp,
}

impl PromptVersion {
    /// A draft that begins as a copy of this version.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when this is itself the draft, [`Error::NotFound`] when it is deleted.
    pub fn draft(&self, id: String, now: Timestamp) -> Result<Self, Error> {
        match self.state {
            VersionState::Saved | VersionState::Active => Ok(Self {
                id,
                state: VersionState::Draft,
                is_bookmarked: false,
                created_at: now,
                updated_at: now,
                ..self.clone()
            }),
            VersionState::Draft => Err(refused("the temporary version cannot be cloned into itself")),
            VersionState::Deleted { .. } => Err(Error::NotFound("prompt version")),
        }
    }

    /// This version, unless it is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is.
    pub fn existing(self) -> Result<Self, Error> {
        match self.state {
            VersionState::Draft | VersionState::Saved | VersionState::Active => Ok(self),
            VersionState::Deleted { .. } => Err(Error::NotFound("prompt version")),
        }
    }

    /// Lets the draft alone pass.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] for a saved version, [`Error::NotFound`] for a deleted one.
    pub fn require_draft(&self) -> Result<(), Error> {
        match self.state {
            VersionState::Draft => Ok(()),
            VersionState::Saved | VersionState::Active => {
                Err(refused("only the temporary version can be changed; clone this one into it first"))
            }
            VersionState::Deleted { .. } => Err(Error::NotFound("prompt version")),
        }
    }

    /// Changes the version itself.
    pub fn change(&mut self, change: VersionChange, now: Timestamp) {
        let VersionChange { name, description, is_bookmarked, ai_model } = change;
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.description = description.unwrap_or_else(|| std::mem::take(&mut self.description));
        self.is_bookmarked = is_bookmarked.unwrap_or(self.is_bookmarked);
        self.ai_model = ai_model.unwrap_or(self.ai_model);
        self.updated_at = now;
    }

    /// The draft becomes a saved version.
    ///
    /// # Errors
    /// As [`PromptVersion::require_draft`].
    pub fn save(&mut self, now: Timestamp) -> Result<(), Error> {
        self.require_draft()?;
        self.state = VersionState::Saved;
        self.updated_at = now;
        Ok(())
    }

    /// Makes this the version that new counsels use; false when it was already.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] for the draft, [`Error::NotFound`] for a deleted version.
    pub fn activate(&mut self, now: Timestamp) -> Result<bool, Error> {
        match self.state {
            VersionState::Active => Ok(false),
            VersionState::Saved => {
                self.state = VersionState::Active;
                self.updated_at = now;
                Ok(true)
            }
            VersionState::Draft => Err(refused("the temporary version cannot be activated; save it first")),
            VersionState::Deleted { .. } => Err(Error::NotFound("prompt version")),
        }
    }

    /// Another version takes its place.
    pub fn deactivate(&mut self, now: Timestamp) {
        match self.state {
            VersionState::Active => {
                self.state = VersionState::Saved;
                self.updated_at = now;
            }
            VersionState::Draft | VersionState::Saved | VersionState::Deleted { .. } => {}
        }
    }

    /// Deletes it; false when it was already.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] for the active version.
    pub fn delete(&mut self, now: Timestamp) -> Result<bool, Error> {
        let was_draft = match self.state {
            VersionState::Draft => true,
            VersionState::Saved => false,
            VersionState::Active => {
                return Err(refused("the active version cannot be deleted; activate another one first"));
            }
            VersionState::Deleted { .. } => return Ok(false),
        };
        self.state = VersionState::Deleted { at: now, was_draft };
        self.updated_at = now;
        Ok(true)
    }

    /// What is searched for by parts of the name, whatever the case.
    pub fn name_key(&self) -> String {
        self.name.to_lowercase()
    }
}

fn refused(message: &str) -> Error {
    Error::FailedPrecondition(message.to_owned())
}
