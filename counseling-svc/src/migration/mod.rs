//! The schema of counseling-svc.

mod m2026_01_02_000001_create_counselors;
mod m2026_01_02_000002_create_prompts;
mod m2026_01_02_000003_create_counsels;
mod m2026_02_01_000001_complete_prompts;
mod m2026_02_01_000002_create_episodes;
mod m2026_02_01_000003_create_counsel_contexts;
mod m2026_03_01_000001_create_erased_users;

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null};
use shared::idempotency::CreateIdempotencyKeys;
use shared::messaging::{CreateMessagingTables, IndexPublishedAlone};

/// Every migration, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(CreateMessagingTables),
            Box::new(m2026_01_02_000001_create_counselors::Migration),
            Box::new(m2026_01_02_000002_create_prompts::Migration),
            Box::new(m2026_01_02_000003_create_counsels::Migration),
            Box::new(m2026_02_01_000001_complete_prompts::Migration),
            Box::new(m2026_02_01_000002_create_episodes::Migration),
            Box::new(m2026_02_01_000003_create_counsel_contexts::Migration),
            Box::new(m2026_03_01_000001_create_erased_users::Migration),
            Box::new(IndexPublishedAlone),
            Box::new(CreateIdempotencyKeys),
        ]
    }
}

/// A table with an id and the three times; its other columns are added by the caller.
fn table(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(ColumnDef::new("id").text().not_null().primary_key())
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("deleted_at"))
        .to_owned()
}

/// A reference of a new table to another one.
fn reference(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").to_owned()
}

/// Drops tables; those that refer to others come first.
async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}

/// Runs statements that the builder has no words for, such as partial indexes.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::testkit::check_migrations;

    use super::Migrator;

    /// Each with the reason why the version before can do without.
    const CONTRACTIONS: [(&str, &str); 4] = [
        ("m2026_02_01_000001_complete_prompts: restricts prompt_versions by one_draft", UNRELEASED),
        (
            "m2026_02_01_000001_complete_prompts: restricts prompt_versions by one_prompt_version_name",
            UNRELEASED,
        ),
        ("m2026_02_01_000002_create_episodes: restricts counselors by one_counselor_of_a_name", UNRELEASED),
        ("m2026_02_01_000002_create_episodes: restricts tones by one_tone_of_a_name", UNRELEASED),
    ];
    const UNRELEASED: &str = "came before the first release: the version before has never run beside another";

    shared::on_each_engine! {
        async fn the_version_before_can_use_what_is_migrated(engine: Engine) {
            check_migrations::<Migrator>(engine, &CONTRACTIONS).await;
        }
    }
}
