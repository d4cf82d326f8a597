use sea_orm::ConnectionTrait;
use shared::database::Database;
use shared::proto::v1::PaymentProvider;
use shared::testkit::TestDatabase;
use shared::time::Timestamp;

use super::checkpoints;
use super::domain::{Account, Posting, TOKEN};
use super::repository::Ledger;
use super::trial_balance::{balances, imbalances, table};
use crate::migration::Migrator;

async fn ledger(file: &TestDatabase) -> Database {
    let database = file.migrated::<Migrator>().await;
    for row in [
        "INSERT INTO customers (id, user_hash, created_at) VALUES ('c', 'h', 0)",
        "INSERT INTO orders (id, customer_id, product_id, product_version, kind, name, tokens, currency, amount, \
         provider, state, captured, refunded, tokens_granted, tokens_revoked, created_at, updated_at, expires_at) \
         VALUES ('o', 'c', 'p', 1, 'k', 'n', 1, 'KRW', 1, 'p', 's', 0, 0, 0, 0, 0, 0, 0)",
    ] {
        database.write().execute_unprepared(row).await.unwrap();
    }
    database
}

fn posting(id: &str, debit: Account, credit: Account, unit: &str, amount: i64) -> Posting {
    let (id, order_id, unit) = (id.to_owned(), "o".to_owned(), unit.to_owned());
    Posting { id, order_id, debit, credit, unit, amount, at: Timestamp::from_micros(1) }
}

fn paid(id: &str, amount: i64) -> Vec<Posting> {
    let tokens = Account::TokensOfCustomer("c".to_owned());
    vec![
        posting(
            &format!("{id}:paid"),
            Account::Provider(PaymentProvider::Sandbox),
            Account::Revenue,
            "KRW",
            amount,
        ),
        posting(&format!("{id}:granted"), Account::TokensIssued, tokens, TOKEN, 10),
    ]
}

async fn post(database: &Database, postings: Vec<Posting>) -> Result<(), shared::Error> {
    let transaction = database.begin().await.unwrap();
    transaction.post(postings).await?;
    transaction.commit().await
}

shared::on_each_engine! {
    async fn balances_are_the_same_with_and_without_checkpoints(engine: Engine) {
        let file = TestDatabase::new(engine).await;
        let database = ledger(&file).await;
        for number in 0..7 {
            post(&database, paid(&number.to_string(), 100 + number)).await.unwrap();
        }
        let before = balances(&database, "").await.unwrap();
        assert_eq!(checkpoints::add(&database, 15).await.unwrap(), 0, "not enough yet");
        assert_eq!(checkpoints::add(&database, 14).await.unwrap(), 14);
        assert_eq!(balances(&database, "").await.unwrap(), before);
        assert_eq!(checkpoints::add(&database, 1).await.unwrap(), 0, "nothing is new");

        // Some accounts move on, others do not.
        let cash = Account::Provider(PaymentProvider::Sandbox);
        post(&database, vec![posting("r", Account::Refunds, cash, "KRW", 50)]).await.unwrap();
        let since = balances(&database, "").await.unwrap();
        assert_eq!(checkpoints::add(&database, 1).await.unwrap(), 1);
        assert_eq!(balances(&database, "").await.unwrap(), since);
        let kept = "SELECT COUNT(*) AS n FROM checkpoints";
        let kept = sea_orm::Statement::from_string(database.backend(), kept);
        let kept = database.read().query_one_raw(kept).await.unwrap().unwrap();
        let accounts = i64::try_from(since.len()).unwrap();
        assert_eq!(kept.try_get::<i64>("", "n").unwrap(), accounts, "one checkpoint for each account");
        let provider = balances(&database, "provider:").await.unwrap();
        assert_eq!((provider[0].debits, provider[0].credits), (721, 50));
        assert_eq!(balances(&database, "tokens:customer:c").await.unwrap()[0].credits, 70);

        let table = table(&since);
        let sums: Vec<_> = table.lines().filter(|line| line.contains("sum")).collect();
        assert_eq!(sums.len(), 2, "{table}");
        assert!(sums.iter().all(|sum| sum.ends_with(" 0")), "{table}");
        assert!(table.contains("tokens:customers"), "{table}");
    }

    async fn nothing_is_posted_twice_or_unbalanced(engine: Engine) {
        let file = TestDatabase::new(engine).await;
        let database = ledger(&file).await;
        post(&database, paid("1", 100)).await.unwrap();
        assert!(post(&database, paid("1", 100)).await.is_err());
        let bad = [
            posting("a", Account::Revenue, Account::Refunds, "KRW", 0),
            posting("b", Account::Revenue, Account::Refunds, "KRW", -1),
            posting("c", Account::Revenue, Account::Revenue, "KRW", 1),
        ];
        for bad in bad {
            assert!(post(&database, vec![bad.clone()]).await.is_err(), "{bad:?}");
        }
        let balances = balances(&database, "").await.unwrap();
        assert_eq!(balances.iter().map(|balance| balance.debits - balance.credits).sum::<i64>(), 0);
        assert_eq!(balances.len(), 4);
    }

    async fn a_sum_that_somebody_changed_is_seen(engine: Engine) {
        let file = TestDatabase::new(engine).await;
        let database = ledger(&file).await;
        assert!(imbalances(&database).await.unwrap().is_empty(), "nothing was posted");
        post(&database, paid("1", 100)).await.unwrap();
        checkpoints::add(&database, 1).await.unwrap();
        post(&database, paid("2", 100)).await.unwrap();
        let units = async || {
            let mut units = imbalances(&database).await.unwrap();
            units.sort();
            units
        };
        assert_eq!(units().await, [("KRW".to_owned(), 0), (TOKEN.to_owned(), 0)]);
        let change = "UPDATE checkpoints SET credits = credits + 7 WHERE account = 'revenue'";
        database.write().execute_unprepared(change).await.unwrap();
        assert_eq!(units().await, [("KRW".to_owned(), -7), (TOKEN.to_owned(), 0)]);
    }
}
