//! The monitor, beside a broker and databases that go and come back.

use sea_orm::{ConnectionTrait, Statement};

use super::Migrator;
use crate::database::Database;
use crate::health::{Backlog, Health, Monitor, Status};
use crate::messaging::permissions::OPERATOR;
use crate::messaging::{Nats, outbox};
use crate::proto::events::v1::UserUpdated;
use crate::shutdown::Shutdown;
use crate::testkit::{Broker, Engine, NatsCluster, NatsServer, TestDatabase, eventually};
use crate::time::Clock;

/// The health of a process that is watched until this goes.
struct Watched {
    health: Health,
    shutdown: Shutdown,
}

impl Watched {
    async fn begin(broker: &impl Broker, nats: &Nats, database: Option<&Database>) -> Self {
        let (health, shutdown) = (Health::default(), Shutdown::default());
        let mut monitor = Monitor::new(&health, nats, &broker.settings(OPERATOR));
        if let Some(database) = database {
            monitor = monitor.with_database(database.clone());
        }
        health.serving();
        shutdown.spawn(monitor.run(shutdown.clone()));
        let watched = Self { health, shutdown };
        watched.becomes(Status::Ready).await;
        watched
    }

    /// Waits for this status; the reasons.
    async fn becomes(&self, status: Status) -> Vec<String> {
        eventually(&format!("{status:?}"), async || self.health.report().status == status).await;
        self.health.report().reasons
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

async fn commit(database: &Database, count: usize) {
    let transaction = database.begin().await.unwrap();
    for number in 0..count {
        let fact = UserUpdated { user_id: format!("user-{number}"), changed_fields: Vec::new() };
        transaction.publish(&fact).unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn plan(database: &Database) -> String {
    let explain = match database.backend() {
        sea_orm::DbBackend::Sqlite => "EXPLAIN QUERY PLAN",
        _ => "EXPLAIN",
    };
    let statement =
        Statement::from_string(database.backend(), format!("{explain} {}", outbox::backlog_sql()));
    let rows = database.read().query_all_raw(statement).await.unwrap();
    let column = if explain == "EXPLAIN" { "QUERY PLAN" } else { "detail" };
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap()).collect::<Vec<_>>().join("\n")
}

crate::on_each_engine! {
    async fn a_backlog_is_counted_by_the_index_of_what_waits(engine: Engine) {
        let file = TestDatabase::new(engine).await;
        let database = file.migrated::<Migrator>().await;
        let backlog = async || outbox::backlog(database.read(), Clock::system().now()).await.unwrap();
        assert_eq!(backlog().await, Backlog::default());
        // Many that are kept, and more that wait than anybody counts.
        let insert = |published: &str, first: usize, last: usize| format!(
            "INSERT INTO outbox (id, lane, aggregate_id, subject, event_type, data, correlation_id, occurred_at, \
             published_at) WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n \
             < {last}) SELECT 'e' || n, n % 16, 'a', 's', 't', '{{}}', 'c', n, {published} FROM numbers"
        );
        database.write().execute_unprepared(&insert("n", 1, 20_000)).await.unwrap();
        database.write().execute_unprepared("ANALYZE").await.unwrap();
        commit(&database, 3).await;
        assert_eq!(backlog().await.waiting, 3);
        let plan = plan(&database).await;
        assert_eq!(plan.matches("outbox_unpublished").count(), 2, "{plan}");
        database.write().execute_unprepared(&insert("NULL", 20_001, 31_000)).await.unwrap();
        let Backlog { waiting, oldest_seconds } = backlog().await;
        assert_eq!(waiting, Backlog::COUNTED);
        // Since the twentieth millisecond of 1970.
        assert!(oldest_seconds > 1e9, "{oldest_seconds}");
    }

    async fn what_waits_while_the_broker_is_gone_is_told_until_it_is_back(engine: Engine) {
        let (server, file) = tokio::join!(NatsServer::start(), TestDatabase::new(engine));
        let (nats, database) = (server.connect().await, file.migrated::<Migrator>().await);
        let watched = Watched::begin(&server, &nats, Some(&database)).await;
        commit(&database, 2).await;
        server.kill();
        watched.becomes(Status::Degraded).await;
        let told = "broker: not connected; 2 events wait in the outbox";
        eventually(told, async || watched.health.report().reasons == [told]).await;
        let age = || watched.health.report().outbox.unwrap().oldest_seconds;
        let first = age();
        eventually("the oldest event grows older", async || age() > first + 0.5).await;
        server.resume().await;
        assert!(watched.becomes(Status::Ready).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stands_still_is_gone() {
    let server = NatsServer::start().await;
    let nats = server.connect().await;
    let watched = Watched::begin(&server, &nats, None).await;
    server.freeze();
    assert_eq!(watched.becomes(Status::Degraded).await, ["broker: JetStream does not answer"]);
    assert!(!watched.health.has_broker());
    server.thaw();
    watched.becomes(Status::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_or_is_cut_off_is_gone() {
    let (server, file) = tokio::join!(NatsServer::start(), TestDatabase::new(Engine::Postgres));
    let nats = server.connect().await;
    let direct = file.migrated::<Migrator>().await;
    let (link, settings) = file.linked().await;
    let database = Database::connect(&settings).await.unwrap();
    let watched = Watched::begin(&server, &nats, Some(&database)).await;

    let lock = direct.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE").await.unwrap();
    assert_eq!(watched.becomes(Status::Unready).await, ["database: no answer within 2s"]);
    drop(lock);
    watched.becomes(Status::Ready).await;

    link.cut();
    let reasons = watched.becomes(Status::Unready).await;
    assert!(reasons[0].starts_with("database: "), "{reasons:?}");
    link.mend();
    watched.becomes(Status::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_from_its_cluster_loses_its_clients() {
    let cluster = NatsCluster::start().await;
    let nats = cluster.connect().await;
    let watched = Watched::begin(&cluster, &nats, None).await;
    let node = || nats.client.server_info().server_name.trim_start_matches("node-").parse::<usize>().unwrap();
    let first = node();
    cluster.cut_off(first);
    assert_eq!(watched.becomes(Status::Degraded).await, ["broker: JetStream does not answer"]);
    eventually("the client is told to go elsewhere", async || node() != first).await;
    assert!(watched.becomes(Status::Ready).await.is_empty());
    cluster.heal(first);
}
