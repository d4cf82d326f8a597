//! Changing versions as a whole.

use std::fmt;

use shared::{Error, id};

use super::super::domain::{Gap, PromptActivateHistory, PromptVersion, VersionChange, gaps};
use super::super::repository::Prompts;
use super::{PromptCommands, clone, draft};

/// Why a version was not activated.
#[derive(Debug)]
pub enum ActivateError {
    /// Counselors would miss something in it; all of it is listed.
    Incomplete(Vec<Gap>),
    /// Anything else.
    Other(Error),
}

impl<E: Into<Error>> From<E> for ActivateError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl fmt::Display for ActivateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(gaps) => {
                write!(out, "the prompt version is not complete")?;
                for (index, gap) in gaps.iter().enumerate() {
                    let separator = if index == 0 { ':' } else { ';' };
                    write!(out, "{separator} {} {}", gap.part, gap.description)?;
                }
                Ok(())
            }
            Self::Other(error) => error.fmt(out),
        }
    }
}

impl PromptCommands {
    /// Changes a version's name and the like.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::AlreadyExists`] when another saved version has the name.
    pub async fn update_version(&self, id: &str, change: VersionChange) -> Result<PromptVersion, Error> {
        let transaction = self.begin().await?;
        let mut version = transaction.version(id).await?.existing()?;
        version.change(change, self.clock.now());
        transaction.save_version(&version).await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// Deletes a version; a repeat changes nothing. Counsels that use it go on with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::FailedPrecondition`] for the active version.
    pub async fn delete_version(&self, id: &str) -> Result<(), Error> {
        let transaction = self.begin().await?;
        let mut version = transaction.version(id).await?;
        if version.delete(self.clock.now())? {
            transaction.save_version(&version).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Makes a copy of a saved version the draft. The draft before is deleted rather than overwritten, so that a
    /// counsel in which it is tried out goes on with what it began with.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::FailedPrecondition`] when the version is itself the draft.
    pub async fn clone_to_draft(&self, id: &str) -> Result<PromptVersion, Error> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        let source = transaction.version(id).await?;
        let new = source.draft(id::new_id(), now)?;
        if let Some(mut before) = transaction.draft().await? {
            before.delete(now)?;
            transaction.save_version(&before).await?;
        }
        clone(&transaction, &source, &new, now).await?;
        transaction.commit().await?;
        Ok(new)
    }

    /// The draft becomes a saved version.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when another saved version has the name.
    pub async fn save_draft(&self, change: VersionChange) -> Result<PromptVersion, Error> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        let mut version = draft(&transaction, now).await?;
        version.change(change, now);
        version.save(now)?;
        transaction.save_version(&version).await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// Makes a version the one that new counsels use, in the place of the one before. Activating the active version
    /// changes nothing.
    ///
    /// # Errors
    /// [`ActivateError::Incomplete`] when counselors would miss something; [`Error::NotFound`], and
    /// [`Error::FailedPrecondition`] for the draft.
    pub async fn activate(&self, id: &str) -> Result<PromptVersion, ActivateError> {
        let transaction = self.begin().await?;
        let now = self.clock.now();
        let mut version = transaction.version(id).await?;
        if !version.activate(now)? {
            return Ok(version);
        }
        let content = transaction.content(id).await?;
        let gaps = gaps(&transaction.counselors().await?, &transaction.tones().await?, &content);
        if !gaps.is_empty() {
            return Err(ActivateError::Incomplete(gaps));
        }
        // Before the other becomes active: at no time are there two.
        if let Some(mut before) = transaction.active_version().await? {
            before.deactivate(now);
            transaction.save_version(&before).await?;
        }
        transaction.save_version(&version).await?;
        let history =
            PromptActivateHistory { id: id::new_id(), prompt_version_id: id.to_owned(), activated_at: now };
        transaction.add_history(&history).await?;
        transaction.commit().await?;
        Ok(version)
    }
}
