//! `token_credits` knows how much of a credit was taken back.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // With a default: a version that does not know the column still adds rows.
        let add = "ALTER TABLE token_credits ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0 \
                   CHECK (revoked BETWEEN 0 AND amount)";
        manager.get_connection().execute_unprepared(add).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite drops no column that a check names; nobody minds it.
        let _ = manager;
        Ok(())
    }
}
