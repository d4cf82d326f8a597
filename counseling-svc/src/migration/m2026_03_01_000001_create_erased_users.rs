//! The table `erased_users`: whose counsels are gone for good, so that nothing late brings one back.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

use super::drop_tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let erased = Table::create()
            .table("erased_users")
            // Nothing but the id: it says nothing about anybody any more.
            .col(text("user_id").primary_key())
            .col(big_integer("erased_at"))
            .to_owned();
        manager.create_table(erased).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["erased_users"]).await
    }
}
