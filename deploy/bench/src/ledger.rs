//! A posting, and the balances, in a large ledger beside a small one: neither should take longer for what was posted
//! before.
//!
//! Both ledgers have as many accounts and as many postings since the last checkpoint; large and small are measured in
//! turn, through the code that orders go through.

use std::time::Instant;

use payment_svc::Migrator;
use payment_svc::ledger::checkpoints;
use payment_svc::ledger::domain::{Account, Posting, TOKEN};
use payment_svc::ledger::repository::Ledger;
use payment_svc::ledger::trial_balance::balances;
use sea_orm::ConnectionTrait;
use shared::config::Secret;
use shared::database::{Database, DatabaseSettings, migrate};
use shared::id::new_id;
use shared::proto::v1::PaymentProvider;
use shared::testkit::PostgresServer;
use shared::time::Clock;
use tempfile::TempDir;

use crate::BoxError;
use crate::arguments::Arguments;
use crate::load::{milliseconds, quantile};
use crate::mesh::Store;

/// Postings of the small ledger.
const SMALL: usize = 1000;
/// Customers, and so about as many accounts.
const CUSTOMERS: usize = 100;
/// Postings since the last checkpoint.
const SINCE: usize = 500;
/// Postings between two checkpoints before.
const BETWEEN: usize = 10_000;
/// Transactions of each ledger in a round, with two postings each as for a paid order.
const POSTED: usize = 40;
/// Trial balances of each ledger in a round.
const BALANCES: usize = 40;
/// The most that the large ledger may take longer, as a ratio.
const BAR: f64 = 1.5;

/// Milliseconds of each call.
#[derive(Default)]
struct Times {
    posted: Vec<f64>,
    all: Vec<f64>,
    one: Vec<f64>,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, postings) = (arguments.rounds, arguments.postings);
    println!(
        "a ledger of {postings} postings beside one of {SMALL}, {CUSTOMERS} customers in each; medians of {rounds} \
         rounds of {POSTED} transactions and {BALANCES} balances in turn"
    );
    for store in Store::ALL {
        Box::pin(measure_on(store, rounds, postings)).await?;
    }
    Ok(())
}

async fn measure_on(store: Store, rounds: usize, postings: usize) -> Result<(), BoxError> {
    let folder = tempfile::Builder::new().prefix("mesh-bench-").tempdir()?;
    let postgres = match store {
        Store::Sqlite => None,
        Store::Postgres => Some(PostgresServer::start().await),
    };
    let large = filled(postgres.as_ref(), &folder, postings).await?;
    let small = filled(postgres.as_ref(), &folder, SMALL).await?;
    let (mut of_large, mut of_small) = (Times::default(), Times::default());
    // The first round warms up and does not count.
    for round in 0..=rounds {
        if round == 1 {
            (of_large, of_small) = (Times::default(), Times::default());
        }
        for _ in 0..POSTED {
            of_large.posted.push(timed(post(&large)).await?);
            of_small.posted.push(timed(post(&small)).await?);
        }
        for _ in 0..BALANCES {
            of_large.all.push(timed(balance(&large, "")).await?);
            of_small.all.push(timed(balance(&small, "")).await?);
            of_large.one.push(timed(balance(&large, "provider:sandbox")).await?);
            of_small.one.push(timed(balance(&small, "provider:sandbox")).await?);
        }
    }
    println!("\n{:<28}{:>12}{:>12}{:>12}", store.name(), "large ms", "small ms", "ratio");
    for (name, large, small) in [
        ("a transaction of postings", &of_large.posted, &of_small.posted),
        ("the trial balance", &of_large.all, &of_small.all),
        ("one account's balance", &of_large.one, &of_small.one),
    ] {
        let (large, small) = (quantile(large, 0.5), quantile(small, 0.5));
        let ratio = large / small;
        let verdict = if ratio < BAR { "below the bar" } else { "ABOVE the bar" };
        println!("{name:<28}{large:>12.2}{small:>12.2}{ratio:>12.2}   {verdict}");
    }
    println!("the bar for the ratio is {BAR}");
    Ok(())
}

/// A ledger of so many postings, two for each order, with the checkpoints that came meanwhile.
async fn filled(
    postgres: Option<&PostgresServer>,
    folder: &TempDir,
    postings: usize,
) -> Result<Database, BoxError> {
    let url = match postgres {
        Some(server) => server.new_database().await,
        None => format!("sqlite://{}?mode=rwc", folder.path().join(format!("{postings}.db")).display()),
    };
    let (max_connections, max_writers) = (DatabaseSettings::connections(), DatabaseSettings::writers());
    let settings = DatabaseSettings { url: Secret::new(url), max_connections, max_writers };
    let database = Database::connect(&settings).await?;
    migrate::<Migrator>(&database).await?;
    let customers = format!(
        "INSERT INTO customers (id, user_hash, created_at) {} SELECT 'c' || i, 'h' || i, 0 FROM n",
        numbers(0, CUSTOMERS)
    );
    database.write().execute_unprepared(&customers).await?;
    let mut known = 0;
    while known < postings {
        let is_last = postings - known <= SINCE;
        let next = if is_last { postings } else { (known + BETWEEN).min(postings - SINCE) };
        fill(&database, known / 2, next / 2).await?;
        if !is_last {
            checkpoints::add(&database, 1).await?;
        }
        known = next;
    }
    // As the engine does by itself some time after so much was written.
    database.write().execute_unprepared("ANALYZE").await?;
    Ok(database)
}

/// Adds paid orders from one number to before another.
async fn fill(database: &Database, from: usize, to: usize) -> Result<(), BoxError> {
    let numbers = numbers(from, to);
    let orders = format!(
        "INSERT INTO orders (id, customer_id, product_id, product_version, kind, name, tokens, currency, amount, \
         provider, state, captured, refunded, tokens_granted, tokens_revoked, created_at, updated_at, expires_at) \
         {numbers} SELECT 'order-' || (10000000 + i), 'c' || (i % {CUSTOMERS}), 'p', 1, 'PRODUCT_KIND_TOKEN_PACK', 'n', \
         100, 'KRW', 3900, 'PAYMENT_PROVIDER_SANDBOX', 'ORDER_STATE_PAID', 3900, 0, 100, 0, i, i, i FROM n"
    );
    let postings = format!(
        "INSERT INTO postings (id, order_id, debit, credit, unit, amount, posted_at) {numbers} \
         SELECT 'order-' || (10000000 + i) || ':paid', 'order-' || (10000000 + i), 'provider:sandbox', 'revenue', \
         'KRW', 3900, i FROM n \
         UNION ALL SELECT 'order-' || (10000000 + i) || ':granted', 'order-' || (10000000 + i), 'tokens:issued', \
         'tokens:customer:c' || (i % {CUSTOMERS}), '{TOKEN}', 100, i FROM n"
    );
    for sql in [orders, postings] {
        database.write().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// The numbers from one to before another, as the table `n`.
fn numbers(from: usize, to: usize) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})")
}

/// What is posted when an order is paid.
async fn post(database: &Database) -> Result<(), BoxError> {
    let (order_id, at) = ("order-10000000".to_owned(), Clock::system().now());
    let posting = |debit, credit, unit: &str, amount| Posting {
        id: new_id(),
        order_id: order_id.clone(),
        debit,
        credit,
        unit: unit.to_owned(),
        amount,
        at,
    };
    let customer = Account::TokensOfCustomer("c0".to_owned());
    let postings = vec![
        posting(Account::Provider(PaymentProvider::Sandbox), Account::Revenue, "KRW", 3900),
        posting(Account::TokensIssued, customer, TOKEN, 100),
    ];
    let transaction = database.begin().await?;
    transaction.post(postings).await?;
    transaction.commit().await?;
    Ok(())
}

async fn balance(database: &Database, prefix: &str) -> Result<(), BoxError> {
    let found = balances(database, prefix).await?;
    if found.is_empty() { Err("there is no balance".into()) } else { Ok(()) }
}

async fn timed(call: impl Future<Output = Result<(), BoxError>>) -> Result<f64, BoxError> {
    let began = Instant::now();
    call.await?;
    Ok(milliseconds(began))
}
