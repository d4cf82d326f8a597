//! The tables `outbox`, `outbox_lane` and `inbox`, the same in every service's database. A service lists every migration
//! here among its own.

use sea_orm_migration::prelude::*;

use super::outbox::LANES;

/// Creates the tables that messaging keeps in a service's database.
pub struct CreateMessagingTables;

impl MigrationName for CreateMessagingTables {
    fn name(&self) -> &str {
        "m2026_01_01_000001_create_messaging_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateMessagingTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("outbox")
                    .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("id").text().not_null().unique_key())
                    .col(ColumnDef::new("lane").integer().not_null())
                    .col(ColumnDef::new("aggregate_id").text().not_null())
                    .col(ColumnDef::new("subject").text().not_null())
                    .col(ColumnDef::new("event_type").text().not_null())
                    .col(ColumnDef::new("data").text().not_null())
                    .col(ColumnDef::new("correlation_id").text().not_null())
                    .col(ColumnDef::new("causation_id").text())
                    .col(ColumnDef::new("traceparent").text())
                    .col(ColumnDef::new("occurred_at").big_integer().not_null())
                    .col(ColumnDef::new("published_at").big_integer())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("outbox_lane")
                    .col(ColumnDef::new("lane").integer().not_null().primary_key())
                    .col(ColumnDef::new("owner").text())
                    .col(ColumnDef::new("leased_until").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("inbox")
                    .col(ColumnDef::new("consumer").text().not_null())
                    .col(ColumnDef::new("event_id").text().not_null())
                    .col(ColumnDef::new("applied_at").big_integer().not_null())
                    .primary_key(Index::create().col("consumer").col("event_id"))
                    .to_owned(),
            )
            .await?;
        let connection = manager.get_connection();
        // Partial indexes: what waits is few rows among many that are kept for operators.
        connection
            .execute_unprepared(
                "CREATE INDEX outbox_unpublished ON outbox (lane, seq) WHERE published_at IS NULL",
            )
            .await?;
        connection.execute_unprepared("CREATE INDEX outbox_published ON outbox (published_at)").await?;
        connection.execute_unprepared("CREATE INDEX inbox_applied ON inbox (applied_at)").await?;
        for lane in 0..LANES {
            let insert = format!("INSERT INTO outbox_lane (lane, leased_until) VALUES ({lane}, 0)");
            connection.execute_unprepared(&insert).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["inbox", "outbox_lane", "outbox"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// Keeps what waits out of the index of what was published. With it there, planners that know of little that waits read
/// all of it by that index, and sort it, whatever the query asks of it.
pub struct IndexPublishedAlone;

impl MigrationName for IndexPublishedAlone {
    fn name(&self) -> &str {
        "m2026_06_01_000001_index_published_alone"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for IndexPublishedAlone {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_index(manager, "WHERE published_at IS NOT NULL").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_index(manager, "").await
    }
}

async fn replace_index(manager: &SchemaManager<'_>, part: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared("DROP INDEX outbox_published").await?;
    connection
        .execute_unprepared(&format!("CREATE INDEX outbox_published ON outbox (published_at) {part}"))
        .await?;
    Ok(())
}
