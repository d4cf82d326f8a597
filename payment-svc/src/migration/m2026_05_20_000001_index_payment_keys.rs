//! Orders by what their provider calls the payment: notices of refunds may tell nothing else.

use sea_orm_migration::prelude::*;

const NAME: &str = "orders_by_payment_key";

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_key = Index::create().name(NAME).table("orders").col("payment_key").to_owned();
        manager.create_index(by_key).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table("orders").to_owned()).await
    }
}
