//! The tables `tones`, `counselors` and `bubbles`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text;

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tones = table("tones").col(text("name")).col(text("description")).to_owned();
        manager.create_table(tones).await?;
        let counselors = table("counselors")
            .col(text("tone_id"))
            .col(text("name"))
            .col(text("description"))
            .col(text("profile_image"))
            .col(text("gender"))
            .foreign_key(&mut reference("counselors", "tone_id", "tones"))
            .to_owned();
        manager.create_table(counselors).await?;
        let bubbles = table("bubbles")
            .col(text("counselor_id"))
            .col(text("question"))
            .col(text("response_option1"))
            .col(text("response_option2"))
            .foreign_key(&mut reference("bubbles", "counselor_id", "counselors"))
            .to_owned();
        manager.create_table(bubbles).await?;
        run(manager, &["CREATE INDEX bubbles_of_counselor ON bubbles (counselor_id)"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["bubbles", "counselors", "tones"]).await
    }
}
