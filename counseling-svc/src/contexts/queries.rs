//! Reading what is known of counsels.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;

use super::domain::{Summary, Understanding};
use super::entity::{context, summary};

/// Reads what is known of counsels.
#[derive(Clone)]
pub struct ContextQueries {
    database: Database,
}

impl ContextQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// What is known of a counsel.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn understanding(&self, counsel_id: &str) -> Result<Option<Understanding>, Error> {
        let row = context::Entity::find_by_id(counsel_id).one(self.database.read()).await?;
        row.map(Understanding::try_from).transpose()
    }

    /// What the earlier parts of a counsel were about.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn summary(&self, counsel_id: &str) -> Result<Option<Summary>, Error> {
        let row = summary::Entity::find_by_id(counsel_id).one(self.database.read()).await?;
        Ok(row.map(Summary::from))
    }
}
