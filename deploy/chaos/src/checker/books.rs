//! What is stored, read in one go.

use std::collections::BTreeMap;
use std::path::Path;

use payment_svc::sandbox::Record;
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use shared::database::Database;
use shared::messaging::{DEAD_LETTERS, Nats};
use shared::proto::v1::OrderState;

use crate::BoxError;
use crate::workload::Seen;

/// See above.
#[derive(Default)]
pub struct Books {
    /// By id.
    pub orders: BTreeMap<String, Order>,
    /// What the provider knows, by order.
    pub journal: BTreeMap<String, Record>,
    /// user-svc's, by order.
    pub credits: BTreeMap<String, Credit>,
    /// What each user has bought and not spent.
    pub purchased: BTreeMap<String, i64>,
    /// Unit, account and balance.
    pub trial_balance: Vec<(String, String, i64)>,
    /// Orders that were told to be paid more than once.
    pub paid_twice: Vec<String>,
    /// Reports that an order and the provider's record differ.
    pub mismatches: i64,
    /// Events that payment-svc has told, and those in the stream.
    pub told: u64,
    /// See above.
    pub streamed: u64,
    /// Events that no consumer could apply.
    pub dead_letters: u64,
    pub(super) postings: BTreeMap<String, Vec<(String, String, i64)>>,
}

/// A row of payment-svc's orders.
#[derive(Debug)]
pub struct Order {
    /// Whose it is, unless they were erased.
    pub user_id: Option<String>,
    /// See [`OrderState`].
    pub state: OrderState,
    /// The price, what was paid, and what was given back.
    pub amount: i64,
    /// See above.
    pub captured: i64,
    /// See above.
    pub refunded: i64,
    /// What it buys, what it has granted, and what refunds took back.
    pub tokens: i64,
    /// See above.
    pub tokens_granted: i64,
    /// See above.
    pub tokens_revoked: i64,
    /// Id, state and amount.
    pub refunds: Vec<(String, String, i64)>,
    pub(super) has_own_refund: bool,
}

/// A row of user-svc's credits.
pub struct Credit {
    /// Who got them.
    pub user_id: String,
    /// How many.
    pub amount: i64,
    /// How many of them refunds were to take back.
    pub revoked: i64,
}

impl Order {
    /// As somebody who asks is told.
    pub fn seen(&self) -> Seen {
        Seen { state: self.state, refunded: self.refunded }
    }

    /// Whether it was paid after it was canceled, and so given back without anybody asking.
    pub fn was_unwanted(&self) -> bool {
        self.has_own_refund
    }
}

/// Where it is stored.
pub struct Sources<'a> {
    /// payment-svc's database.
    pub payments: &'a Database,
    /// user-svc's database.
    pub users: &'a Database,
    /// The broker.
    pub nats: &'a Nats,
    /// The provider's journal.
    pub journal: &'a Path,
    /// What `payment-svc ledger` prints.
    pub ledger: String,
}

impl Books {
    /// Reads them all.
    ///
    /// # Errors
    /// When something does not answer or is not as expected.
    pub async fn read(sources: Sources<'_>) -> Result<Self, BoxError> {
        let Sources { payments, users, nats, journal, ledger } = sources;
        let count = "SELECT COUNT(*) AS n FROM outbox";
        let mismatches = format!("{count} WHERE subject LIKE 'payments.order.mismatched.%'");
        let twice = "SELECT aggregate_id FROM outbox WHERE subject LIKE 'payments.order.paid.%' \
                     GROUP BY aggregate_id HAVING COUNT(*) > 1";
        let bought = "SELECT user_id, CAST(purchased AS BIGINT) AS purchased FROM message_tokens";
        let messages = async |name: &str| {
            let stream = nats.jetstream.get_stream(name).await?;
            Ok::<_, BoxError>(stream.get_info().await?.state.messages)
        };
        Ok(Self {
            orders: orders(payments).await?,
            journal: read_journal(journal)?,
            credits: credits(users).await?,
            purchased: rows(users, bought, |row| {
                Ok((row.try_get("", "user_id")?, row.try_get("", "purchased")?))
            })
            .await?
            .into_iter()
            .collect(),
            trial_balance: trial_balance(&ledger),
            paid_twice: rows(payments, twice, |row| row.try_get("", "aggregate_id")).await?,
            mismatches: rows(payments, &mismatches, |row| row.try_get::<i64>("", "n"))
                .await?
                .into_iter()
                .sum(),
            told: u64::try_from(
                rows(payments, count, |row| row.try_get::<i64>("", "n")).await?.into_iter().sum::<i64>(),
            )?,
            streamed: messages("PAYMENTS").await?,
            dead_letters: messages(DEAD_LETTERS).await?,
            postings: postings(payments).await?,
        })
    }

    /// What an order moved into accounts, less what it moved out of them.
    pub fn moved(&self, order_id: &str, is_meant: impl Fn(&str) -> bool) -> i64 {
        let sign = |account: &str| i64::from(is_meant(account));
        let postings = self.postings.get(order_id).map(Vec::as_slice).unwrap_or_default();
        postings.iter().map(|(debit, credit, amount)| (sign(debit) - sign(credit)) * amount).sum()
    }
}

/// Reads rows.
///
/// # Errors
/// When the database does not answer, or a row is not as expected.
pub async fn rows<T>(
    database: &Database,
    sql: &str,
    read: impl Fn(&QueryResult) -> Result<T, sea_orm::DbErr>,
) -> Result<Vec<T>, BoxError> {
    let rows = database.read().query_all_raw(Statement::from_string(database.backend(), sql)).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

async fn orders(payments: &Database) -> Result<BTreeMap<String, Order>, BoxError> {
    let sql = "SELECT orders.id, customers.user_id, state, amount, captured, refunded, \
               CAST(tokens AS BIGINT) AS tokens, CAST(tokens_granted AS BIGINT) AS tokens_granted, \
               CAST(tokens_revoked AS BIGINT) AS tokens_revoked \
               FROM orders JOIN customers ON customers.id = orders.customer_id";
    let read = |row: &QueryResult| {
        let state: String = row.try_get("", "state")?;
        let order = Order {
            user_id: row.try_get("", "user_id")?,
            state: OrderState::from_str_name(&state).unwrap_or_default(),
            amount: row.try_get("", "amount")?,
            captured: row.try_get("", "captured")?,
            refunded: row.try_get("", "refunded")?,
            tokens: row.try_get("", "tokens")?,
            tokens_granted: row.try_get("", "tokens_granted")?,
            tokens_revoked: row.try_get("", "tokens_revoked")?,
            refunds: Vec::new(),
            has_own_refund: false,
        };
        Ok((row.try_get("", "id")?, order))
    };
    let mut orders: BTreeMap<String, Order> = rows(payments, sql, read).await?.into_iter().collect();
    let sql = "SELECT id, order_id, state, amount, requested_by FROM refunds";
    let read = |row: &QueryResult| {
        let (order_id, by): (String, Option<String>) =
            (row.try_get("", "order_id")?, row.try_get("", "requested_by")?);
        let refund = (row.try_get("", "id")?, row.try_get("", "state")?, row.try_get("", "amount")?);
        Ok((order_id, by.is_none(), refund))
    };
    for (order_id, is_own, refund) in rows(payments, sql, read).await? {
        let order = orders.get_mut(&order_id).ok_or("a refund of no order")?;
        order.has_own_refund |= is_own;
        order.refunds.push(refund);
    }
    Ok(orders)
}

async fn postings(payments: &Database) -> Result<BTreeMap<String, Vec<(String, String, i64)>>, BoxError> {
    let read = |row: &QueryResult| {
        let order_id: String = row.try_get("", "order_id")?;
        Ok((order_id, (row.try_get("", "debit")?, row.try_get("", "credit")?, row.try_get("", "amount")?)))
    };
    let mut postings: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (order_id, posting) in
        rows(payments, "SELECT order_id, debit, credit, amount FROM postings", read).await?
    {
        postings.entry(order_id).or_default().push(posting);
    }
    Ok(postings)
}

async fn credits(users: &Database) -> Result<BTreeMap<String, Credit>, BoxError> {
    let sql = "SELECT order_id, user_id, CAST(amount AS BIGINT) AS amount, CAST(revoked AS BIGINT) AS revoked \
               FROM token_credits";
    let read = |row: &QueryResult| {
        let credit = Credit {
            user_id: row.try_get("", "user_id")?,
            amount: row.try_get("", "amount")?,
            revoked: row.try_get("", "revoked")?,
        };
        Ok((row.try_get("", "order_id")?, credit))
    };
    Ok(rows(users, sql, read).await?.into_iter().collect())
}

/// The last line of each payment counts.
fn read_journal(path: &Path) -> Result<BTreeMap<String, Record>, BoxError> {
    let text = std::fs::read_to_string(path)?;
    let records = text.lines().map(serde_json::from_str::<Record>);
    Ok(records
        .map(|record| record.map(|record| (record.order_id.clone(), record)))
        .collect::<Result<_, _>>()?)
}

/// Reads what `payment-svc ledger` prints: unit, account, debits, credits and balance.
fn trial_balance(printed: &str) -> Vec<(String, String, i64)> {
    let lines = printed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let read = |words: Vec<&str>| match words[..] {
        [unit, account, _, _, balance] => Some((unit.to_owned(), account.to_owned(), balance.parse().ok()?)),
        _ => None,
    };
    lines.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_trial_balance_is_read() {
        let printed = "unit   account    debits  credits  balance\nKRW    provider:sandbox 10 3 7\nKRW    sum 10 10 0\n";
        let read = trial_balance(printed);
        assert_eq!(read[0], ("KRW".to_owned(), "provider:sandbox".to_owned(), 7));
        assert_eq!(read[1].2, 0);
    }
}
