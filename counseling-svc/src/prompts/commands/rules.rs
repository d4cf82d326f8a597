//! Changing the draft's transition rules.

use shared::database::Transaction;
use shared::{Error, Violations};

use super::super::domain::{Conditions, RuleChange, TransitionRule};
use super::super::repository::Prompts;
use super::PromptCommands;

/// A rule to be added.
pub struct NewRule {
    /// Chosen by the caller.
    pub id: String,
    pub prompt_version_id: String,
    pub from: String,
    pub to: String,
    pub priority: i32,
    pub conditions: Conditions,
}

impl PromptCommands {
    /// Adds a rule to the draft. Idempotent by the rule's id.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when the version is not the draft; [`Error::Invalid`] with each rule about rules
    /// that it breaks; [`Error::NotFound`] when there is no such version.
    pub async fn create_rule(&self, new: NewRule) -> Result<TransitionRule, Error> {
        let transaction = self.begin().await?;
        if let Some(earlier) = transaction.rule(&new.id).await? {
            return Ok(earlier);
        }
        transaction.version(&new.prompt_version_id).await?.require_draft()?;
        let now = self.clock.now();
        let rule = TransitionRule {
            id: new.id,
            prompt_version_id: new.prompt_version_id,
            from: new.from,
            to: new.to,
            priority: new.priority,
            conditions: new.conditions,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        save(transaction, &rule, Violations::default()).await?;
        Ok(rule)
    }

    /// Changes a rule of the draft.
    ///
    /// # Errors
    /// As [`PromptCommands::create_rule`]; [`Error::NotFound`] when there is no such rule.
    pub async fn update_rule(&self, id: &str, change: RuleChange) -> Result<TransitionRule, Error> {
        let transaction = self.begin().await?;
        let rule = transaction.rule(id).await?.filter(|rule| rule.deleted_at.is_none());
        let mut rule = rule.ok_or(NOT_FOUND)?;
        transaction.version(&rule.prompt_version_id).await?.require_draft()?;
        let mut violations = Violations::default();
        rule.change(change, self.clock.now(), &mut violations);
        save(transaction, &rule, violations).await?;
        Ok(rule)
    }

    /// Deletes a rule of the draft; a repeat changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::FailedPrecondition`] when it is not of the draft.
    pub async fn delete_rule(&self, id: &str) -> Result<(), Error> {
        let transaction = self.begin().await?;
        let mut rule = transaction.rule(id).await?.ok_or(NOT_FOUND)?;
        if rule.deleted_at.is_some() {
            return Ok(());
        }
        transaction.version(&rule.prompt_version_id).await?.require_draft()?;
        let now = self.clock.now();
        (rule.deleted_at, rule.updated_at) = (Some(now), now);
        transaction.save_rule(&rule).await?;
        transaction.commit().await
    }
}

const NOT_FOUND: Error = Error::NotFound("counsel technique transition rule");

/// Keeps a rule that breaks no rule.
async fn save(
    transaction: Transaction,
    rule: &TransitionRule,
    mut violations: Violations,
) -> Result<(), Error> {
    let from = transaction.technique(&rule.from).await?;
    let to = transaction.technique(&rule.to).await?;
    rule.check(from.as_ref(), to.as_ref(), &mut violations);
    violations.into_result()?;
    transaction.save_rule(rule).await?;
    transaction.commit().await
}
