//! The conditions of transition rules, the table `prompt_activate_histories`, and what keeps versions of prompts apart:
//! one draft, unique names.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

use super::{drop_tables, reference, run, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

const RULES: &str = "counsel_technique_transition_rules";

/// Names of labels, with commas between them; empty when any will do.
const LISTS: [&str; 12] = [
    "required_impact_domains",
    "required_timeframes",
    "required_emotion_primaries",
    "required_valences",
    "required_arousal_levels",
    "required_perceived_controls",
    "required_motivation_stages",
    "required_social_support_levels",
    "required_risk_kinds",
    "required_sleep_qualities",
    "required_cognitive_loads",
    "required_alliance_strengths",
];

const NUMBERS: [&str; 7] = [
    "max_current_technique_message_count",
    "min_emotion_intensity",
    "max_emotion_intensity",
    "min_self_efficacy",
    "max_self_efficacy",
    "min_risk_severity",
    "max_risk_severity",
];

const FLAGS: [&str; 2] = ["required_physical_symptoms_present", "required_consent_to_depth"];

/// Every new column of the rules, with its type.
fn conditions() -> impl DoubleEndedIterator<Item = (&'static str, &'static str)> {
    let lists = LISTS.into_iter().map(|name| (name, "TEXT NOT NULL DEFAULT ''"));
    let numbers = NUMBERS.into_iter().map(|name| (name, "INTEGER"));
    lists.chain(numbers).chain(FLAGS.into_iter().map(|name| (name, "BOOLEAN")))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, kind) in conditions() {
            run(manager, &[&format!("ALTER TABLE {RULES} ADD COLUMN {name} {kind}")]).await?;
        }
        let histories = table("prompt_activate_histories")
            .col(text("prompt_version_id"))
            .col(big_integer("activated_at"))
            .foreign_key(&mut reference("prompt_activate_histories", "prompt_version_id", "prompt_versions"))
            .to_owned();
        manager.create_table(histories).await?;
        run(
            manager,
            &[
                // The version that was planted active before there were histories.
                "INSERT INTO prompt_activate_histories (id, prompt_version_id, activated_at, created_at, updated_at) \
                 SELECT id, id, created_at, created_at, created_at FROM prompt_versions WHERE is_active",
                // The name in lower case, for searches whatever the case.
                "ALTER TABLE prompt_versions ADD COLUMN name_key TEXT NOT NULL DEFAULT ''",
                "UPDATE prompt_versions SET name_key = LOWER(name)",
                "CREATE UNIQUE INDEX one_draft ON prompt_versions (is_temporary) \
                 WHERE is_temporary AND deleted_at IS NULL",
                "CREATE UNIQUE INDEX one_prompt_version_name ON prompt_versions (name) \
                 WHERE NOT is_temporary AND deleted_at IS NULL",
                // In the order of the keys that pages are cut by.
                "CREATE INDEX prompt_versions_in_order ON prompt_versions (created_at, id)",
                "CREATE INDEX histories_in_order ON prompt_activate_histories (activated_at, id)",
                "CREATE INDEX histories_of_version \
                 ON prompt_activate_histories (prompt_version_id, activated_at, id)",
                "CREATE INDEX rules_of_version \
                 ON counsel_technique_transition_rules (prompt_version_id, from_counsel_technique_id, id)",
                "CREATE INDEX rules_to ON counsel_technique_transition_rules (to_counsel_technique_id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            &[
                "DROP INDEX rules_to",
                "DROP INDEX rules_of_version",
                "DROP INDEX prompt_versions_in_order",
                "DROP INDEX one_prompt_version_name",
                "DROP INDEX one_draft",
                "ALTER TABLE prompt_versions DROP COLUMN name_key",
            ],
        )
        .await?;
        drop_tables(manager, &["prompt_activate_histories"]).await?;
        for (name, _) in conditions().rev() {
            run(manager, &[&format!("ALTER TABLE {RULES} DROP COLUMN {name}")]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};
    use sea_orm_migration::MigratorTrait;
    use shared::database::Database;
    use shared::testkit::TestDatabase;

    use crate::migration::Migrator;

    /// The migrations before this one.
    const BEFORE: u32 = 4;

    async fn text(database: &Database, sql: &str) -> Option<String> {
        let statement = Statement::from_string(database.backend(), sql);
        let row = database.read().query_one_raw(statement).await.unwrap()?;
        Some(row.try_get_by_index(0).unwrap())
    }

    shared::on_each_engine! {
        async fn what_was_there_before_is_kept_and_completed(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = Database::connect(&file.settings()).await.unwrap();
            Migrator::up(database.write(), Some(BEFORE)).await.unwrap();
            for sql in [
                "INSERT INTO tones (id, name, description, created_at, updated_at) VALUES ('t', 't', '', 1, 1)",
                "INSERT INTO prompt_versions (id, name, description, is_active, is_temporary, is_bookmarked, \
                 ai_model, created_at, updated_at) VALUES ('v', 'First', '', TRUE, FALSE, FALSE, 'm', 7, 8)",
                "INSERT INTO counsel_techniques (id, prompt_version_id, tone_id, name, context, instruction, \
                 message_threshold, is_start_technique, temperature, position, created_at, updated_at) \
                 VALUES ('a', 'v', 't', 'a', '', '', 1, TRUE, 0.5, 1, 1, 1)",
                "INSERT INTO counsel_technique_transition_rules (id, prompt_version_id, from_counsel_technique_id, \
                 to_counsel_technique_id, priority, min_current_technique_message_count, created_at, updated_at) \
                 VALUES ('r', 'v', 'a', 'a', 1, 3, 1, 1)",
            ] {
                database.write().execute_unprepared(sql).await.unwrap();
            }
            for _ in 0..2 {
                Migrator::up(database.write(), Some(1)).await.unwrap();
                let name = text(&database, "SELECT name_key FROM prompt_versions").await;
                assert_eq!(name.as_deref(), Some("first"));
                // The active version has become active when it was made.
                let history = "SELECT prompt_version_id FROM prompt_activate_histories WHERE activated_at = 7";
                assert_eq!(text(&database, history).await.as_deref(), Some("v"));
                // A rule asks for what it asked before, and for nothing more.
                let rule = "SELECT required_valences || required_risk_kinds FROM counsel_technique_transition_rules \
                            WHERE min_current_technique_message_count = 3 AND max_risk_severity IS NULL";
                assert_eq!(text(&database, rule).await.as_deref(), Some(""));
                Migrator::down(database.write(), Some(1)).await.unwrap();
            }
        }
    }
}
