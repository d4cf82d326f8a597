//! Changing prompts. Each use case is one transaction, which holds the lock over all prompts from its beginning.

mod content;
mod rules;
mod versions;

use shared::database::{Database, Transaction};
use shared::time::{Clock, Timestamp};
use shared::{Error, id};

pub use content::NewTechnique;
pub use rules::NewRule;
pub use versions::ActivateError;

use super::domain::PromptVersion;
use super::repository::Prompts;

/// Changes prompts. Clones share everything.
#[derive(Clone)]
pub struct PromptCommands {
    database: Database,
    clock: Clock,
}

impl PromptCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// The draft; a copy of the active version when there is none. Two at once get the same.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no draft and no active version to make it from.
    pub async fn draft(&self) -> Result<PromptVersion, Error> {
        let transaction = self.begin().await?;
        let draft = draft(&transaction, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(draft)
    }

    async fn begin(&self) -> Result<Transaction, Error> {
        let transaction = self.database.begin().await?;
        transaction.lock_prompts().await?;
        Ok(transaction)
    }
}

/// The draft; a copy of the active version when there is none.
async fn draft(transaction: &Transaction, now: Timestamp) -> Result<PromptVersion, Error> {
    if let Some(draft) = transaction.draft().await? {
        return Ok(draft);
    }
    let active = transaction.active_version().await?.ok_or(Error::NotFound("active prompt version"))?;
    let draft = active.draft(id::new_id(), now)?;
    clone(transaction, &active, &draft, now).await?;
    Ok(draft)
}

/// Keeps a new draft, with a copy of everything that `source` consists of.
async fn clone(
    transaction: &Transaction,
    source: &PromptVersion,
    draft: &PromptVersion,
    now: Timestamp,
) -> Result<(), Error> {
    transaction.save_version(draft).await?;
    let content = transaction.content(&source.id).await?;
    transaction.add_content(&content.cloned_into(&draft.id, id::new_id, now)?).await
}
