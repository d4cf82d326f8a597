//! The table `customers`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, text_null, text_uniq};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let customers = Table::create()
            .table("customers")
            .col(text("id").primary_key())
            // Null once the user was erased; the row stays for what hangs on it.
            .col(text_null("user_id").unique_key())
            // SHA-256 of the user id: knows an erased user again without telling who it was.
            .col(text_uniq("user_hash"))
            .col(big_integer("created_at"))
            .col(big_integer_null("anonymized_at"))
            .to_owned();
        manager.create_table(customers).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("customers").to_owned()).await
    }
}
