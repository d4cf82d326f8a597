//! The table `subscriptions`, and which of them an order pays a month of.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let subscriptions = Table::create()
            .table("subscriptions")
            .col(text("id").primary_key())
            .col(text("customer_id"))
            .col(text("product_id"))
            .col(integer("product_version"))
            .col(text("name"))
            .col(integer("allowance"))
            .col(text("currency"))
            .col(big_integer("amount").check(Expr::col("amount").gt(0)))
            .col(text("provider"))
            .col(text_null("billing_key"))
            .col(text("state"))
            .col(integer("period").check(Expr::col("period").gt(0)))
            .col(text("order_id"))
            .col(big_integer("began_at"))
            .col(integer("attempts"))
            // Null once it has ended.
            .col(big_integer_null("due_at"))
            .col(big_integer("updated_at"))
            .col(big_integer_null("ended_at"))
            .foreign_key(ForeignKey::create().from("subscriptions", "customer_id").to("customers", "id"))
            .foreign_key(ForeignKey::create().from("subscriptions", "order_id").to("orders", "id"))
            .to_owned();
        manager.create_table(subscriptions).await?;
        let connection = manager.get_connection();
        for statement in [
            // Nobody pays for two passes at once, whatever is paid at the same moment.
            "CREATE UNIQUE INDEX live_subscription_of_customer ON subscriptions (customer_id) \
             WHERE ended_at IS NULL",
            "CREATE INDEX subscriptions_of_customer ON subscriptions (customer_id, began_at, id)",
            "CREATE INDEX subscriptions_by_time ON subscriptions (began_at, id)",
            "CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL",
            // Nullable: a version that does not know the column still adds rows.
            "ALTER TABLE orders ADD COLUMN subscription_id TEXT NULL",
        ] {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("ALTER TABLE orders DROP COLUMN subscription_id").await?;
        manager.drop_table(Table::drop().table("subscriptions").to_owned()).await
    }
}
