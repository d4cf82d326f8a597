//! The tables `counsel_contexts` and `counsel_summaries`; what a message took of a model and what danger it speaks of;
//! by what rapport has grown on a day.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean_null, integer_null, text, text_null};

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(contexts()).await?;
        let summaries = table("counsel_summaries")
            .col(text("body"))
            // The last message that it covers; what came later is read as it was said.
            .col(text("through_message_id"))
            .col(big_integer("through_message_at"))
            .foreign_key(&mut reference("counsel_summaries", "id", "counsels"))
            .to_owned();
        manager.create_table(summaries).await?;
        run(
            manager,
            &[
                "ALTER TABLE counsel_messages ADD COLUMN risk_kind TEXT",
                "ALTER TABLE counsel_messages ADD COLUMN risk_severity INTEGER",
                "ALTER TABLE counsel_messages ADD COLUMN input_tokens BIGINT",
                "ALTER TABLE counsel_messages ADD COLUMN output_tokens BIGINT",
                "ALTER TABLE counselor_user_relationships ADD COLUMN growth_by_source TEXT NOT NULL DEFAULT ''",
                // In the order of the keys that pages are cut by.
                "CREATE INDEX messages_in_order ON counsel_messages (counsel_id, created_at, id)",
                "DROP INDEX messages_of_counsel",
                "CREATE INDEX counsels_in_order ON counsels (user_id, created_at, id)",
                "DROP INDEX counsels_of_user",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            &[
                "CREATE INDEX counsels_of_user ON counsels (user_id, created_at)",
                "DROP INDEX counsels_in_order",
                "CREATE INDEX messages_of_counsel ON counsel_messages (counsel_id, created_at)",
                "DROP INDEX messages_in_order",
                "ALTER TABLE counselor_user_relationships DROP COLUMN growth_by_source",
                "ALTER TABLE counsel_messages DROP COLUMN output_tokens",
                "ALTER TABLE counsel_messages DROP COLUMN input_tokens",
                "ALTER TABLE counsel_messages DROP COLUMN risk_severity",
                "ALTER TABLE counsel_messages DROP COLUMN risk_kind",
            ],
        )
        .await?;
        drop_tables(manager, &["counsel_summaries", "counsel_contexts"]).await
    }
}

/// One row for each counsel, under the counsel's own id.
fn contexts() -> TableCreateStatement {
    let mut contexts = table("counsel_contexts");
    for label in [
        "impact_domain",
        "timeframe",
        "emotion_primary",
        "valence",
        "arousal_level",
        "perceived_control",
        "motivation_stage",
        "social_support_level",
        "risk_kind",
        "sleep_quality",
        "cognitive_load",
        "alliance_strength",
    ] {
        contexts.col(text_null(label));
    }
    for number in ["emotion_intensity", "self_efficacy", "risk_severity"] {
        contexts.col(integer_null(number));
    }
    for sign in ["physical_symptoms_present", "consent_to_depth"] {
        contexts.col(boolean_null(sign));
    }
    contexts
        // The last message that it was understood by.
        .col(text("message_id"))
        .col(big_integer("message_at"))
        .foreign_key(&mut reference("counsel_contexts", "id", "counsels"))
        .to_owned()
}
