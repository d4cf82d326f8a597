//! Migrations at start-up, one process at a time.

use std::collections::BTreeSet;

use sea_orm::DbErr;
use sea_orm_migration::MigratorTrait;

use super::Database;
use crate::Error;

/// Any number that nothing else in the database locks.
const MIGRATION_LOCK: i64 = 0x6865_6172_6c65_7273;

/// Brings the schema up to date. All pending migrations happen in one transaction under a lock, so that replicas
/// that start together wait for the first one, and a failed one leaves nothing behind.
///
/// A database that a later version has migrated is used as it is: this version was rolled back to, or starts while the
/// later one is rolled out, and migrations only add what this version does not miss.
///
/// # Errors
/// When a migration fails, or the database has migrations that are not known here and lacks some that are: it belongs to
/// another line of versions.
pub async fn migrate<M: MigratorTrait>(database: &Database) -> Result<(), Error> {
    let transaction = database.begin().await?;
    transaction.lock(MIGRATION_LOCK).await?;
    let recorded = M::get_migration_models(&*transaction).await?;
    let recorded: BTreeSet<String> = recorded.into_iter().map(|migration| migration.version).collect();
    let known: BTreeSet<String> =
        M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let unknown = list(recorded.difference(&known));
    if unknown.is_empty() {
        M::up(&*transaction, None).await.map_err(|error: DbErr| Error::internal(error))?;
        return transaction.commit().await;
    }
    let missing = list(known.difference(&recorded));
    if !missing.is_empty() {
        return Err(Error::FailedPrecondition(format!(
            "the database is of another line of versions: it has {unknown}, which is not known here, and lacks {missing}"
        )));
    }
    tracing::warn!(unknown, "a later version has migrated the database; its schema is left as it is");
    transaction.commit().await
}

fn list<'a>(migrations: impl Iterator<Item = &'a String>) -> String {
    migrations.map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use sea_orm_migration::prelude::*;

    use super::*;
    use crate::messaging::{CreateMessagingTables, IndexPublishedAlone};
    use crate::testkit::{TestDatabase, next_release, schema};

    struct Older;

    #[async_trait::async_trait]
    impl MigratorTrait for Older {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(CreateMessagingTables)]
        }
    }

    struct Other;

    #[async_trait::async_trait]
    impl MigratorTrait for Other {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(CreateMessagingTables), Box::new(IndexPublishedAlone)]
        }
    }

    crate::on_each_engine! {
        async fn a_version_that_was_rolled_back_to_starts_and_leaves_the_schema_alone(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = file.migrated::<Older>().await;
            next_release(&database).await;
            let before = schema(&database).await;
            migrate::<Older>(&database).await.unwrap();
            assert_eq!(schema(&database).await, before);
            assert_eq!(Older::get_migration_models(database.write()).await.unwrap().len(), 2);
        }

        async fn a_database_of_another_line_of_versions_is_refused(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = file.migrated::<Older>().await;
            next_release(&database).await;
            let before = schema(&database).await;
            let refusal = migrate::<Other>(&database).await.unwrap_err().to_string();
            for migration in ["m2999_01_01_000001_next_release", "m2026_06_01_000001_index_published_alone"] {
                assert!(refusal.contains(migration), "{refusal}");
            }
            assert_eq!(schema(&database).await, before);
        }
    }
}
