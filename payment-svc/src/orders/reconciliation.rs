//! Comparing orders with what the providers know. What is new there is taken over, as from a notice; what the provider
//! has no longer is for people to look at.

use std::time::Duration;

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, ExprTrait, QueryOrder, QuerySelect, Statement};
use shared::Error;
use shared::error::Chain;
use shared::shutdown::Shutdown;
use shared::time::Timestamp;

use super::commands::{OrderCommands, Then};
use super::domain::{Mismatch, Order};
use super::effects::report;
use super::entity::{Column, Entity};
use super::repository::Orders;
use crate::providers::Charge;

/// How far back it goes: nobody may dispute a payment for much longer.
pub const SPAN: Duration = Duration::from_secs(180 * 86_400);
/// How often it runs by itself.
const DAY: Duration = Duration::from_secs(86_400);
/// How long one run may take before another instance takes it over.
const LEASE: Duration = Duration::from_secs(3600);
const BATCH: u64 = 200;
const JOB: &str = "reconciliation";

/// What a run has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Orders that were compared.
    pub compared: u64,
    /// Orders that had something to catch up with.
    pub repaired: u64,
    /// Orders that differ in a way that people have to look at.
    pub reported: u64,
    /// Orders that the provider did not answer about.
    pub unanswered: u64,
}

/// Runs once a day, in whichever instance comes first.
///
/// # Errors
/// When the database does not answer.
pub async fn run_when_due(orders: &OrderCommands, shutdown: &Shutdown) -> Result<(), Error> {
    let now = orders.clock.now();
    if !take(orders, now, now.plus(LEASE)).await? {
        return Ok(());
    }
    let findings = tokio::select! {
        () = shutdown.begun() => return put_back(orders, now).await,
        findings = run(orders, now.minus(SPAN)) => findings?,
    };
    tracing::info!(?findings, "orders were compared with the providers");
    put_back(orders, now.plus(DAY)).await
}

/// Compares every order since `since`.
///
/// # Errors
/// When the database does not answer.
pub async fn run(orders: &OrderCommands, since: Timestamp) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut last: Option<(Timestamp, String)> = None;
    loop {
        let mut batch = Entity::find().filter(Column::CreatedAt.gte(since));
        if let Some((at, id)) = &last {
            let later = sea_orm::Condition::any()
                .add(Column::CreatedAt.gt(*at))
                .add(Column::CreatedAt.eq(*at).and(Column::Id.gt(id)));
            batch = batch.filter(later);
        }
        let batch = batch.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(BATCH);
        let rows = batch.all(orders.database.read()).await?;
        let Some(end) = rows.last() else { return Ok(findings) };
        last = Some((end.created_at, end.id.clone()));
        for row in rows {
            compare(orders, &row.try_into()?, &mut findings).await?;
        }
    }
}

async fn compare(orders: &OrderCommands, order: &Order, findings: &mut Findings) -> Result<(), Error> {
    let asked = orders.providers.get(order.provider);
    let payment = match asked {
        Ok(provider) => provider.look(&Charge::from(order)).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    findings.compared += 1;
    let payment = match payment {
        Ok(payment) => payment,
        Err(error) => {
            tracing::warn!(order_id = order.id, error = %Chain(&error), "the order was not compared");
            findings.unanswered += 1;
            return Ok(());
        }
    };
    // The order was read before the provider was asked, so the provider knows at least as much.
    if payment.captured < order.captured || payment.refunded < order.refunded {
        let (captured, refunded) = (payment.captured, payment.refunded);
        let transaction = orders.database.begin().await?;
        let current = transaction.order_for_change(&order.id).await?;
        let mut current = current.ok_or(Error::NotFound("order"))?;
        report(&transaction, &mut current, &Mismatch::Less { captured, refunded }).await?;
        transaction.commit().await?;
        findings.reported += 1;
        return Ok(());
    }
    let after = orders.take_over(&order.id, &payment, Then::GoOn).await?;
    if (payment.captured, payment.refunded) != (after.captured, after.refunded)
        && (payment.captured > after.captured || payment.refunded > after.refunded)
    {
        findings.reported += 1;
    } else if (after.state, after.captured, after.refunded) != (order.state, order.captured, order.refunded) {
        findings.repaired += 1;
    }
    Ok(())
}

/// Takes the job if it is due; false when it is not, or another instance has it.
async fn take(orders: &OrderCommands, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE jobs SET due_at = $1 WHERE name = $2 AND due_at <= $3";
    let values = [until.as_micros().into(), JOB.into(), now.as_micros().into()];
    let statement = Statement::from_sql_and_values(orders.database.backend(), sql, values);
    Ok(orders.database.write().execute_raw(statement).await?.rows_affected() == 1)
}

async fn put_back(orders: &OrderCommands, due_at: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE jobs SET due_at = $1 WHERE name = $2";
    let values = [due_at.as_micros().into(), JOB.into()];
    let statement = Statement::from_sql_and_values(orders.database.backend(), sql, values);
    orders.database.write().execute_raw(statement).await?;
    Ok(())
}
