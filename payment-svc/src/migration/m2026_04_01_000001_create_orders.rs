//! The tables `orders`, `order_transitions`, `refunds` and `jobs`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let orders = Table::create()
            .table("orders")
            .col(text("id").primary_key())
            .col(text("customer_id"))
            .col(text("product_id"))
            .col(integer("product_version"))
            .col(text("kind"))
            .col(text("name"))
            .col(integer("tokens"))
            .col(text("currency"))
            .col(big_integer("amount").check(Expr::col("amount").gt(0)))
            .col(text("provider"))
            .col(text_null("payment_key"))
            .col(text("state"))
            .col(big_integer("captured"))
            .col(big_integer("refunded"))
            .col(integer("tokens_granted"))
            .col(integer("tokens_revoked"))
            .col(text_null("failure"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .col(big_integer("expires_at"))
            // When somebody may next ask the provider how the order stands; null when it has ended.
            .col(big_integer_null("look_at"))
            // The domain keeps these rules; the database would refuse a bug that broke them.
            .check(Expr::cust("captured IN (0, amount)"))
            .check(Expr::cust("refunded BETWEEN 0 AND captured"))
            .check(Expr::cust("tokens_granted IN (0, tokens)"))
            .check(Expr::cust("tokens_revoked BETWEEN 0 AND tokens_granted"))
            .foreign_key(ForeignKey::create().from("orders", "customer_id").to("customers", "id"))
            .to_owned();
        manager.create_table(orders).await?;
        let transitions = Table::create()
            .table("order_transitions")
            .col(text("order_id"))
            .col(integer("number"))
            .col(text("state"))
            .col(big_integer("at"))
            .primary_key(Index::create().col("order_id").col("number"))
            .foreign_key(ForeignKey::create().from("order_transitions", "order_id").to("orders", "id"))
            .to_owned();
        manager.create_table(transitions).await?;
        let refunds = Table::create()
            .table("refunds")
            .col(text("id").primary_key())
            .col(text("order_id"))
            .col(big_integer("amount").check(Expr::col("amount").gt(0)))
            .col(text("reason"))
            .col(text_null("requested_by"))
            .col(text("state"))
            .col(big_integer("created_at"))
            .col(big_integer_null("look_at"))
            .foreign_key(ForeignKey::create().from("refunds", "order_id").to("orders", "id"))
            .to_owned();
        manager.create_table(refunds).await?;
        let jobs = Table::create()
            .table("jobs")
            .col(text("name").primary_key())
            .col(big_integer("due_at"))
            .to_owned();
        manager.create_table(jobs).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared("INSERT INTO jobs (name, due_at) VALUES ('reconciliation', 0)").await?;
        for index in [
            "CREATE INDEX orders_of_customer ON orders (customer_id, created_at, id)",
            "CREATE INDEX orders_by_time ON orders (created_at, id)",
            // Partial: what is open are few rows among many.
            "CREATE INDEX orders_to_look_at ON orders (look_at) WHERE look_at IS NOT NULL",
            "CREATE INDEX refunds_of_order ON refunds (order_id)",
            "CREATE INDEX refunds_to_look_at ON refunds (look_at) WHERE look_at IS NOT NULL",
        ] {
            connection.execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["jobs", "refunds", "order_transitions", "orders"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
