//! The table `passes`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let passes = Table::create()
            .table("passes")
            .col(text("subscription_id").primary_key())
            .col(text("user_id"))
            .col(integer("allowance"))
            .col(integer("period"))
            .col(big_integer("valid_until"))
            .col(big_integer_null("ended_at"))
            .to_owned();
        manager.create_table(passes).await?;
        let index = Index::create().name("passes_of_user").table("passes").col("user_id").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("passes").to_owned()).await
    }
}
