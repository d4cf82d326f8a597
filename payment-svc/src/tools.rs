//! What operators ask of the service's data: `payment-svc ledger` and `payment-svc reconcile`.

use shared::Error;
use shared::database::Database;
use shared::time::Clock;

use crate::config::PaymentConfig;
use crate::ledger::trial_balance::{balances, table};
use crate::orders::commands::OrderCommands;
pub use crate::orders::reconciliation::Findings;
use crate::orders::reconciliation::{self, SPAN};
use crate::set_up;

/// The trial balance, for people.
///
/// # Errors
/// When the database does not answer.
pub async fn ledger(config: &PaymentConfig) -> Result<String, Error> {
    let database = Database::connect(&config.service.database).await?;
    let balances = balances(&database, "").await?;
    database.close().await;
    Ok(table(&balances))
}

/// Compares orders with what the providers know.
///
/// # Errors
/// When the database does not answer.
pub async fn reconcile(config: &PaymentConfig) -> Result<Findings, Error> {
    let (database, clock) = (Database::connect(&config.service.database).await?, Clock::system());
    let orders = OrderCommands::new(database.clone(), clock.clone(), set_up(config)?, config.orders);
    let findings = reconciliation::run(&orders, clock.now().minus(SPAN)).await;
    database.close().await;
    findings
}
