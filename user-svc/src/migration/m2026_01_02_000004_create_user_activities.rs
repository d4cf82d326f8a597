//! The tables `user_activities` and `user_trackings`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, integer, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let trackings = Table::create()
            .table("user_trackings")
            .col(text("user_id").primary_key())
            .col(boolean("onboarding_completed"))
            .col(integer("counsel_count"))
            .col(integer("message_count"))
            .col(big_integer_null("last_active_at"))
            .foreign_key(ForeignKey::create().from("user_trackings", "user_id").to("users", "id"))
            .to_owned();
        manager.create_table(trackings).await?;

        let activities = Table::create()
            .table("user_activities")
            .col(text("id").primary_key())
            .col(text("user_id"))
            .col(text("activity_type"))
            .col(text("device_platform"))
            .col(big_integer("created_at"))
            .foreign_key(ForeignKey::create().from("user_activities", "user_id").to("users", "id"))
            .to_owned();
        manager.create_table(activities).await?;
        let newest_of_user = Index::create()
            .name("user_activities_newest")
            .table("user_activities")
            .col("user_id")
            .col("created_at")
            .col("id")
            .to_owned();
        manager.create_index(newest_of_user).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["user_activities", "user_trackings"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
