//! The tables `message_tokens`, `token_reservations` and `token_credits`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let message_tokens = Table::create()
            .table("message_tokens")
            .col(text("user_id").primary_key())
            .col(big_integer_null("window_began_at"))
            .col(integer("used"))
            .col(integer("purchased"))
            // The domain keeps these rules; the database would refuse a bug that broke them.
            .check(Expr::col("used").gte(0))
            .check(Expr::col("purchased").gte(0))
            .foreign_key(ForeignKey::create().from("message_tokens", "user_id").to("users", "id"))
            .to_owned();
        manager.create_table(message_tokens).await?;
        create_reservations(manager).await?;

        // One order credits once, whatever events tell of it.
        let credits = Table::create()
            .table("token_credits")
            .col(text("order_id").primary_key())
            .col(text("user_id"))
            .col(integer("amount").check(Expr::col("amount").gt(0)))
            .col(big_integer("credited_at"))
            .foreign_key(
                ForeignKey::create().from("token_credits", "user_id").to("message_tokens", "user_id"),
            )
            .to_owned();
        manager.create_table(credits).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["token_credits", "token_reservations", "message_tokens"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

async fn create_reservations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let reservations = Table::create()
        .table("token_reservations")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("state"))
        // Which token it holds or has spent; null when none.
        .col(text_null("source"))
        .col(big_integer_null("source_window"))
        .col(big_integer("expires_at"))
        .foreign_key(
            ForeignKey::create().from("token_reservations", "user_id").to("message_tokens", "user_id"),
        )
        .to_owned();
    manager.create_table(reservations).await?;
    for (name, columns) in [
        ("token_reservations_of_user", ["user_id", "state"]),
        ("token_reservations_by_expiry", ["state", "expires_at"]),
    ] {
        let [first, second] = columns;
        let index = Index::create().name(name).table("token_reservations").col(first).col(second).to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}
