//! The table `idempotency_keys`, the same in every service's database. A service lists this migration among its own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

/// Creates the table that claims of idempotency keys are kept in.
pub struct CreateIdempotencyKeys;

impl MigrationName for CreateIdempotencyKeys {
    fn name(&self) -> &str {
        "m2026_07_01_000001_create_idempotency_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIdempotencyKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table("idempotency_keys")
            .col(text("name").primary_key())
            .col(text("id"))
            .col(text("request_hash"))
            .col(big_integer("expires_at"))
            .to_owned();
        manager.create_table(keys).await?;
        let index = Index::create()
            .name("idempotency_keys_by_expiry")
            .table("idempotency_keys")
            .col("expires_at")
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_keys").to_owned()).await
    }
}
