//! Balances: the last checkpoint of each account, and what came since.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, Statement};
use shared::Error;
use shared::database::Database;

use super::checkpoints::moved;

/// What moved over an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub account: String,
    pub unit: String,
    pub debits: i64,
    pub credits: i64,
}

/// Every account, or those whose names begin with `prefix`, by unit and name.
///
/// # Errors
/// When the database does not answer.
pub async fn balances(database: &Database, prefix: &str) -> Result<Vec<Balance>, Error> {
    let (backend, read) = (database.backend(), database.read());
    let sql = format!(
        "{} SELECT account, unit, CAST(SUM(debits) AS BIGINT) AS debits, CAST(SUM(credits) AS BIGINT) AS credits \
         FROM parts WHERE account LIKE $1 GROUP BY account, unit ORDER BY unit, account",
        parts()
    );
    let statement = Statement::from_sql_and_values(backend, sql, [format!("{prefix}%").into()]);
    let rows = read.query_all_raw(statement).await?;
    let balance = |row: &sea_orm::QueryResult| {
        Ok(Balance {
            account: row.try_get("", "account")?,
            unit: row.try_get("", "unit")?,
            debits: row.try_get("", "debits")?,
            credits: row.try_get("", "credits")?,
        })
    };
    rows.iter().map(balance).collect()
}

/// By how much the debits of all accounts exceed their credits, for each unit: by nothing, if all is well.
///
/// # Errors
/// When the database does not answer.
pub async fn imbalances(database: &Database) -> Result<Vec<(String, i64)>, Error> {
    let sql = format!(
        "{} SELECT unit, CAST(SUM(debits) - SUM(credits) AS BIGINT) AS imbalance FROM parts GROUP BY unit",
        parts()
    );
    let statement = Statement::from_string(database.backend(), sql);
    let rows = database.read().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "unit")?, row.try_get("", "imbalance")?))).collect()
}

/// The beginning of a statement that adds up `parts`: the last checkpoints, and what came since. One statement, and so
/// one moment: a checkpoint that is added meanwhile counts nothing twice.
fn parts() -> String {
    let since = moved("(SELECT COALESCE(MAX(seq), 0) FROM checkpoints)");
    format!(
        "WITH newest AS (SELECT account, unit, MAX(seq) AS seq FROM checkpoints GROUP BY account, unit), \
         parts AS ( \
           SELECT c.account, c.unit, c.debits, c.credits FROM checkpoints AS c \
             JOIN newest AS n ON n.account = c.account AND n.unit = c.unit AND n.seq = c.seq \
           UNION ALL SELECT account, unit, debits, credits FROM ({since}) AS since)"
    )
}

/// The trial balance as a table for people. Customers' accounts are one line together.
pub fn table(balances: &[Balance]) -> String {
    let mut lines: Vec<Balance> = Vec::new();
    for balance in balances {
        let account = if balance.account.starts_with("tokens:customer:") {
            "tokens:customers".to_owned()
        } else {
            balance.account.clone()
        };
        match lines.iter_mut().find(|line| (&line.account, &line.unit) == (&account, &balance.unit)) {
            Some(line) => {
                line.debits += balance.debits;
                line.credits += balance.credits;
            }
            None => lines.push(Balance { account, ..balance.clone() }),
        }
    }
    let mut table =
        format!("{:<6} {:<24} {:>16} {:>16} {:>16}\n", "unit", "account", "debits", "credits", "balance");
    let mut units: Vec<_> = lines.iter().map(|line| line.unit.clone()).collect();
    units.dedup();
    for unit in units {
        let (mut debits, mut credits) = (0, 0);
        for line in lines.iter().filter(|line| line.unit == unit) {
            row(&mut table, line);
            debits += line.debits;
            credits += line.credits;
        }
        row(&mut table, &Balance { account: "sum".to_owned(), unit, debits, credits });
    }
    table
}

fn row(table: &mut String, line: &Balance) {
    let Balance { account, unit, debits, credits } = line;
    let balance = debits - credits;
    // Writing to a string never fails.
    let _ = writeln!(table, "{unit:<6} {account:<24} {debits:>16} {credits:>16} {balance:>16}");
}
