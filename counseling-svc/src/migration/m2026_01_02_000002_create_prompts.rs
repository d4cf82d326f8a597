//! The tables of prompts: `prompt_versions`, `persona_prompts`, `tone_prompts`, `counsel_techniques` and
//! `counsel_technique_transition_rules`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, double, integer, integer_null, text};

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let versions = table("prompt_versions")
            .col(text("name"))
            .col(text("description"))
            .col(boolean("is_active"))
            .col(boolean("is_temporary"))
            .col(boolean("is_bookmarked"))
            .col(text("ai_model"))
            .to_owned();
        manager.create_table(versions).await?;
        manager.create_table(prompts("persona_prompts", "counselor_id", "counselors")).await?;
        manager.create_table(prompts("tone_prompts", "tone_id", "tones")).await?;
        manager.create_table(techniques()).await?;
        manager.create_table(rules()).await?;
        run(
            manager,
            &[
                // Exactly one version is active: the database itself refuses a second one.
                "CREATE UNIQUE INDEX one_active_prompt_version ON prompt_versions (is_active) WHERE is_active",
                "CREATE UNIQUE INDEX one_persona_prompt ON persona_prompts (prompt_version_id, counselor_id)",
                "CREATE UNIQUE INDEX one_tone_prompt ON tone_prompts (prompt_version_id, tone_id)",
                "CREATE UNIQUE INDEX one_start_technique ON counsel_techniques (prompt_version_id, tone_id) \
                 WHERE is_start_technique",
                "CREATE INDEX techniques_of_version ON counsel_techniques (prompt_version_id, tone_id, position)",
                "CREATE INDEX rules_from ON counsel_technique_transition_rules (from_counsel_technique_id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "counsel_technique_transition_rules",
            "counsel_techniques",
            "tone_prompts",
            "persona_prompts",
            "prompt_versions",
        ];
        drop_tables(manager, &tables).await
    }
}

/// A prompt for each counselor or each tone of a version.
fn prompts(name: &'static str, column: &'static str, to: &'static str) -> TableCreateStatement {
    table(name)
        .col(text("prompt_version_id"))
        .col(text(column))
        .col(text("body"))
        .foreign_key(&mut reference(name, "prompt_version_id", "prompt_versions"))
        .foreign_key(&mut reference(name, column, to))
        .to_owned()
}

fn techniques() -> TableCreateStatement {
    table("counsel_techniques")
        .col(text("prompt_version_id"))
        .col(text("tone_id"))
        .col(text("name"))
        .col(text("context"))
        .col(text("instruction"))
        .col(integer("message_threshold"))
        .col(boolean("is_start_technique"))
        .col(double("temperature"))
        // The order of a tone's techniques.
        .col(integer("position"))
        .foreign_key(&mut reference("counsel_techniques", "prompt_version_id", "prompt_versions"))
        .foreign_key(&mut reference("counsel_techniques", "tone_id", "tones"))
        .to_owned()
}

fn rules() -> TableCreateStatement {
    let name = "counsel_technique_transition_rules";
    table(name)
        .col(text("prompt_version_id"))
        .col(text("from_counsel_technique_id"))
        .col(text("to_counsel_technique_id"))
        .col(integer("priority"))
        .col(integer_null("min_current_technique_message_count"))
        .foreign_key(&mut reference(name, "prompt_version_id", "prompt_versions"))
        .foreign_key(&mut reference(name, "from_counsel_technique_id", "counsel_techniques"))
        .foreign_key(&mut reference(name, "to_counsel_technique_id", "counsel_techniques"))
        .to_owned()
}
