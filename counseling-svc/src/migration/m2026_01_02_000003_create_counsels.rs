//! The tables `counselor_user_relationships`, `counsels` and `counsel_messages`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, integer, text, text_null};

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let relationships = table("counselor_user_relationships")
            .col(text("counselor_id"))
            .col(text("user_id"))
            .col(integer("rapport"))
            .col(big_integer("growth_day"))
            .col(integer("growth_of_day"))
            .foreign_key(&mut reference("counselor_user_relationships", "counselor_id", "counselors"))
            .to_owned();
        manager.create_table(relationships).await?;
        let counsels = table("counsels")
            .col(text("counselor_id"))
            .col(text("user_id"))
            .col(text("prompt_version_id"))
            .col(text("counsel_technique_id"))
            .col(integer("technique_message_count"))
            .col(text("counselor_user_relationship_id"))
            .col(text_null("last_message"))
            .col(big_integer_null("last_chatted_at"))
            .col(text_null("answering_message_id"))
            .col(big_integer_null("answering_until"))
            .foreign_key(&mut reference("counsels", "counselor_id", "counselors"))
            .foreign_key(&mut reference("counsels", "prompt_version_id", "prompt_versions"))
            .foreign_key(&mut reference("counsels", "counsel_technique_id", "counsel_techniques"))
            .foreign_key(&mut reference(
                "counsels",
                "counselor_user_relationship_id",
                "counselor_user_relationships",
            ))
            .to_owned();
        manager.create_table(counsels).await?;
        let messages = table("counsel_messages")
            .col(text("counsel_id"))
            .col(text("message"))
            .col(boolean("is_user_message"))
            .col(text("counsel_technique_id"))
            .col(text_null("reservation_id"))
            .col(text_null("reply_to_message_id"))
            .col(text_null("reaction"))
            .col(big_integer_null("reacted_at"))
            .foreign_key(&mut reference("counsel_messages", "counsel_id", "counsels"))
            .to_owned();
        manager.create_table(messages).await?;
        run(
            manager,
            &[
                "CREATE UNIQUE INDEX one_relationship ON counselor_user_relationships (user_id, counselor_id)",
                "CREATE INDEX counsels_of_user ON counsels (user_id, created_at)",
                "CREATE INDEX counsels_being_answered ON counsels (answering_until) \
                 WHERE answering_until IS NOT NULL",
                "CREATE INDEX messages_of_counsel ON counsel_messages (counsel_id, created_at)",
                // A reservation pays for one message, and a message has one reply.
                "CREATE UNIQUE INDEX one_message_of_reservation ON counsel_messages (reservation_id)",
                "CREATE UNIQUE INDEX one_reply ON counsel_messages (reply_to_message_id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["counsel_messages", "counsels", "counselor_user_relationships"]).await
    }
}
