//! Sums of the ledger up to some posting, so that a balance need not be added up from the beginning.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use shared::Error;
use shared::database::Database;
use shared::error::Chain;
use shared::shutdown::Shutdown;
use tokio::time::MissedTickBehavior;

/// How often it looks whether there is enough for a checkpoint.
const INTERVAL: Duration = Duration::from_secs(60);
/// How many postings are enough.
const ENOUGH: i64 = 1000;

/// Adds a checkpoint whenever there is enough, until shutdown begins.
pub async fn run(database: Database, shutdown: Shutdown) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = tick.tick() => {}
        }
        match add(&database, ENOUGH).await {
            Ok(0) => {}
            Ok(postings) => tracing::info!(postings, "checkpoint of the ledger"),
            Err(error) => tracing::warn!(error = %Chain(&error), "the ledger has no new checkpoint"),
        }
    }
}

/// Adds a checkpoint if at least `enough` postings came since the last one; returns their number, or 0.
///
/// # Errors
/// When the database does not answer.
pub async fn add(database: &Database, enough: i64) -> Result<i64, Error> {
    let transaction = database.begin().await?;
    let backend = database.backend();
    if backend == DbBackend::Postgres {
        // A posting gets its number before it commits. Until those under way have committed, the last number is no
        // border.
        transaction.execute_unprepared("LOCK TABLE postings IN SHARE MODE").await?;
    }
    let span = "SELECT COALESCE(MAX(seq), 0) AS last, \
                (SELECT COALESCE(MAX(seq), 0) FROM checkpoints) AS known FROM postings";
    let row = transaction.query_one_raw(Statement::from_string(backend, span)).await?;
    let row = row.ok_or_else(|| Error::internal("an aggregate has one row"))?;
    let (last, known): (i64, i64) = (row.try_get("", "last")?, row.try_get("", "known")?);
    let count = format!("SELECT COUNT(*) AS postings FROM postings WHERE seq > {known}");
    let row = transaction.query_one_raw(Statement::from_string(backend, count)).await?;
    let postings: i64 =
        row.ok_or_else(|| Error::internal("an aggregate has one row"))?.try_get("", "postings")?;
    if postings < enough.max(1) {
        return Ok(0);
    }
    // The last sums with what came since, in place of them. Accounts that did not move keep their older checkpoint.
    let moved = moved(&known.to_string());
    let add = format!(
        "INSERT INTO checkpoints (account, unit, seq, debits, credits) \
         SELECT moved.account, moved.unit, {last}, \
                moved.debits + COALESCE(old.debits, 0), moved.credits + COALESCE(old.credits, 0) \
         FROM ({moved}) AS moved \
         LEFT JOIN checkpoints AS old ON old.account = moved.account AND old.unit = moved.unit AND old.seq = \
              (SELECT MAX(seq) FROM checkpoints AS newest \
               WHERE newest.account = moved.account AND newest.unit = moved.unit)"
    );
    transaction.execute_unprepared(&add).await?;
    // Were they kept, there would be about as many checkpoints as postings some day.
    let forget = format!(
        "DELETE FROM checkpoints WHERE seq < {last} AND EXISTS \
         (SELECT 1 FROM checkpoints AS newest WHERE newest.account = checkpoints.account \
          AND newest.unit = checkpoints.unit AND newest.seq = {last})"
    );
    transaction.execute_unprepared(&forget).await?;
    transaction.commit().await?;
    Ok(postings)
}

/// What moved over each account after a posting, which is told by its number or by a subquery. Each posting is two rows:
/// what it debits and what it credits.
///
/// Either half looks for its first posting by itself: SQLite would read all of them to leave most out afterwards. With
/// an end as well, PostgreSQL takes it for a small part of the table and uses the index, though it does not know the
/// numbers when it plans.
pub fn moved(after: &str) -> String {
    let span = format!("seq > {after} AND seq <= (SELECT MAX(seq) FROM postings)");
    format!(
        "SELECT account, unit, CAST(SUM(debits) AS BIGINT) AS debits, CAST(SUM(credits) AS BIGINT) AS credits FROM \
         (SELECT debit AS account, unit, amount AS debits, 0 AS credits FROM postings WHERE {span} \
          UNION ALL SELECT credit, unit, 0, amount FROM postings WHERE {span}) AS sides \
         GROUP BY account, unit"
    )
}
