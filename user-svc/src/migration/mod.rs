//! The schema of user-svc's database.

mod m2026_01_02_000001_create_users;
mod m2026_01_02_000002_create_auth_users;
mod m2026_01_02_000003_create_message_tokens;
mod m2026_01_02_000004_create_user_activities;
mod m2026_03_01_000001_create_sessions;
mod m2026_04_01_000001_revoke_credits;
mod m2026_05_01_000001_create_passes;

use sea_orm_migration::prelude::*;
use shared::idempotency::CreateIdempotencyKeys;
use shared::messaging::{CreateMessagingTables, IndexPublishedAlone};

/// Every migration, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(CreateMessagingTables),
            Box::new(m2026_01_02_000001_create_users::Migration),
            Box::new(m2026_01_02_000002_create_auth_users::Migration),
            Box::new(m2026_01_02_000003_create_message_tokens::Migration),
            Box::new(m2026_01_02_000004_create_user_activities::Migration),
            Box::new(m2026_03_01_000001_create_sessions::Migration),
            Box::new(m2026_04_01_000001_revoke_credits::Migration),
            Box::new(m2026_05_01_000001_create_passes::Migration),
            Box::new(IndexPublishedAlone),
            Box::new(CreateIdempotencyKeys),
        ]
    }
}

#[cfg(test)]
mod tests {
    use shared::testkit::check_migrations;

    use super::Migrator;

    /// Each with the reason why the version before can do without.
    const CONTRACTIONS: [(&str, &str); 1] = [(
        "m2026_04_01_000001_revoke_credits: restricts token_credits by token_credits_check",
        "it is about the new column, whose default of 0 is within every amount that may be credited",
    )];

    shared::on_each_engine! {
        async fn the_version_before_can_use_what_is_migrated(engine: Engine) {
            check_migrations::<Migrator>(engine, &CONTRACTIONS).await;
        }
    }
}
