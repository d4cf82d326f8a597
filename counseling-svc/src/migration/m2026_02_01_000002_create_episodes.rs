//! The tables `episodes` and `cut_scenes`; names of tones and counselors are unique.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, integer, text};

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let episodes = table("episodes")
            .col(text("counselor_id"))
            .col(text("title"))
            .col(integer("required_rapport_threshold"))
            .col(boolean("is_temporary"))
            .foreign_key(&mut reference("episodes", "counselor_id", "counselors"))
            .to_owned();
        manager.create_table(episodes).await?;
        let scenes = table("cut_scenes")
            .col(text("episode_id"))
            .col(text("speaker"))
            .col(text("content"))
            .col(integer("order_index"))
            .col(text("image"))
            .foreign_key(&mut reference("cut_scenes", "episode_id", "episodes"))
            .to_owned();
        manager.create_table(scenes).await?;
        run(
            manager,
            &[
                "CREATE INDEX episodes_of_counselor ON episodes (counselor_id, id)",
                "CREATE UNIQUE INDEX one_scene_at_a_time ON cut_scenes (episode_id, order_index)",
                "CREATE UNIQUE INDEX one_tone_of_a_name ON tones (name) WHERE deleted_at IS NULL",
                "CREATE UNIQUE INDEX one_counselor_of_a_name ON counselors (name) WHERE deleted_at IS NULL",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &["DROP INDEX one_counselor_of_a_name", "DROP INDEX one_tone_of_a_name"]).await?;
        drop_tables(manager, &["cut_scenes", "episodes"]).await
    }
}
