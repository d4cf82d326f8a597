//! Migrations at start-up, one process at a time.

use sea_orm::DbErr;
use sea_orm_migration::MigratorTrait;

use super::Database;
use crate::Error;

/// Any number that nothing else in the database locks.
const MIGRATION_LOCK: i64 = 0x6865_6172_6c65_7273;

/// Brings the schema up to date. All pending migrations happen in one transaction under a lock, so that replicas
/// that start together wait for the first one, and a failed one leaves nothing behind.
///
/// # Errors
/// When a migration fails.
pub async fn migrate<M: MigratorTrait>(database: &Database) -> Result<(), Error> {
    let transaction = database.begin().await?;
    transaction.lock(MIGRATION_LOCK).await?;
    M::up(&*transaction, None).await.map_err(|error: DbErr| Error::internal(error))?;
    transaction.commit().await
}
