//! The tables `postings` and `checkpoints`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One row moves one amount from one account to another: a row that does not balance cannot be written.
        let postings = Table::create()
            .table("postings")
            .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
            // What was posted, told by the order: posting it again is refused.
            .col(text("id").unique_key())
            .col(text("order_id"))
            .col(text("debit"))
            .col(text("credit"))
            .col(text("unit"))
            .col(big_integer("amount").check(Expr::col("amount").gt(0)))
            .col(big_integer("posted_at"))
            .check(Expr::cust("debit <> credit"))
            .foreign_key(ForeignKey::create().from("postings", "order_id").to("orders", "id"))
            .to_owned();
        manager.create_table(postings).await?;
        let checkpoints = Table::create()
            .table("checkpoints")
            .col(text("account"))
            .col(text("unit"))
            // Every posting up to this one is in the sums.
            .col(big_integer("seq"))
            .col(big_integer("debits"))
            .col(big_integer("credits"))
            .primary_key(Index::create().col("account").col("unit").col("seq"))
            .to_owned();
        manager.create_table(checkpoints).await?;
        let index = Index::create().name("postings_of_order").table("postings").col("order_id").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["checkpoints", "postings"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
