//! The schema of payment-svc's database.

mod m2026_01_02_000001_create_customers;
mod m2026_03_02_000001_create_products;
mod m2026_04_01_000001_create_orders;
mod m2026_04_01_000002_create_ledger;
mod m2026_05_01_000001_create_subscriptions;
mod m2026_05_20_000001_index_payment_keys;

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
            Box::new(m2026_01_02_000001_create_customers::Migration),
            Box::new(m2026_03_02_000001_create_products::Migration),
            Box::new(m2026_04_01_000001_create_orders::Migration),
            Box::new(m2026_04_01_000002_create_ledger::Migration),
            Box::new(m2026_05_01_000001_create_subscriptions::Migration),
            Box::new(m2026_05_20_000001_index_payment_keys::Migration),
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
    const CONTRACTIONS: [(&str, &str); 0] = [];

    shared::on_each_engine! {
        async fn the_version_before_can_use_what_is_migrated(engine: Engine) {
            check_migrations::<Migrator>(engine, &CONTRACTIONS).await;
        }
    }
}
