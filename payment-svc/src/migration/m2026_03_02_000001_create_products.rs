//! The tables `products`, `product_versions` and `product_prices`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let products = Table::create()
            .table("products")
            .col(text("id").primary_key())
            .col(text("kind"))
            .col(integer("version"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .col(big_integer_null("retired_at"))
            .to_owned();
        manager.create_table(products).await?;
        let versions = Table::create()
            .table("product_versions")
            .col(text("product_id"))
            .col(integer("version"))
            .col(text("name"))
            .col(text("description"))
            .col(integer("tokens"))
            .col(big_integer("created_at"))
            .primary_key(Index::create().col("product_id").col("version"))
            .to_owned();
        manager.create_table(versions).await?;
        let prices = Table::create()
            .table("product_prices")
            .col(text("product_id"))
            .col(integer("version"))
            .col(text("currency"))
            .col(big_integer("amount"))
            .primary_key(Index::create().col("product_id").col("version").col("currency"))
            .to_owned();
        manager.create_table(prices).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["product_prices", "product_versions", "products"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
