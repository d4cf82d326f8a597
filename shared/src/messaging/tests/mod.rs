//! The rules of outbox, relay, inbox and dead letters, on a real broker and both databases.

mod cluster;
mod consuming;
mod dead_letters;
mod forbidden;
mod preparing;
mod relaying;
mod versions;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::{StreamExt, TryStreamExt};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::prelude::*;

use super::*;
use crate::database::{Database, Transaction};
use crate::proto::events::v1::{UserCreated, UserUpdated};
use crate::testkit::{Engine, NatsServer, TestDatabase, eventually};

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateMessagingTables), Box::new(CreateEffects)]
    }
}

struct CreateEffects;

impl MigrationName for CreateEffects {
    fn name(&self) -> &str {
        "create_effects"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateEffects {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("CREATE TABLE effect (event_id TEXT NOT NULL)").await?;
        Ok(())
    }
}

/// A broker and a service's database.
struct World<B = NatsServer> {
    server: B,
    nats: Nats,
    database: Database,
    _file: TestDatabase,
}

impl World {
    async fn new(engine: Engine) -> Self {
        let (server, file) = tokio::join!(NatsServer::start(), TestDatabase::new(engine));
        let nats = server.connect().await;
        reconcile(&nats, &TopologySettings::default(), "user-svc").await.unwrap();
        let database = file.migrated::<Migrator>().await;
        Self { server, nats, database, _file: file }
    }
}

impl<B> World<B> {
    /// Commits `count` events about `user`, one transaction each.
    async fn commit(&self, user: &str, count: usize) {
        for number in 0..count {
            let transaction = self.database.begin().await.unwrap();
            transaction.publish(&fact(user, number)).unwrap();
            transaction.commit().await.unwrap();
        }
    }

    fn relay(&self) -> Relay {
        let settings = RelaySettings { poll_interval: Duration::from_millis(50), ..RelaySettings::default() };
        Relay::new(self.database.clone(), self.nats.clone(), "test-svc", settings)
    }

    fn run_relay(&self) -> Shutdown {
        let shutdown = Shutdown::default();
        shutdown.spawn(self.relay().run(shutdown.clone()));
        shutdown
    }

    fn run_consumer(&self, spec: &'static ConsumerSpec, handler: impl PreparingHandler) -> Shutdown {
        self.run_consumer_of(spec, handler, TopologySettings::default())
    }

    fn run_consumer_of(
        &self,
        spec: &'static ConsumerSpec,
        handler: impl PreparingHandler,
        topology: TopologySettings,
    ) -> Shutdown {
        let consumer = Consumer {
            spec,
            handler,
            nats: self.nats.clone(),
            database: self.database.clone(),
            settings: ConsumerSettings {
                max_deliveries: 3,
                first_pause: Duration::from_millis(20),
                longest_pause: Duration::from_millis(50),
                pull_expiry: Duration::from_secs(1),
            },
            topology,
        };
        let shutdown = Shutdown::default();
        shutdown.spawn(consumer.run(shutdown.clone()));
        shutdown
    }

    async fn effects(&self) -> Vec<String> {
        let all = Statement::from_string(self.backend(), "SELECT event_id FROM effect");
        let rows = self.database.read().query_all_raw(all).await.unwrap();
        rows.into_iter().map(|row| row.try_get("", "event_id").unwrap()).collect()
    }

    fn backend(&self) -> DbBackend {
        self.database.backend()
    }

    /// What is in the stream USERS: the numbers of each user's facts, in the order of the stream. Reads it again when a
    /// server of a cluster, which may still catch up, breaks off.
    async fn published(&self) -> BTreeMap<String, Vec<usize>> {
        let read = OnceCell::new();
        eventually("the stream is read to its end", async || {
            self.read_stream().await.is_ok_and(|messages| read.set(messages).is_ok())
        })
        .await;
        let mut facts = BTreeMap::<_, Vec<_>>::new();
        for message in read.into_inner().unwrap() {
            let event =
                ReceivedEvent::read(&message.subject, message.headers.as_ref(), message.payload.clone())
                    .unwrap();
            let fact: UserUpdated = event.data().unwrap();
            facts.entry(fact.user_id).or_default().push(fact.changed_fields[0].parse().unwrap());
        }
        facts
    }

    async fn read_stream(&self) -> Result<Vec<async_nats::jetstream::Message>, async_nats::Error> {
        let stream = self.nats.jetstream.get_stream("USERS").await?;
        let total = usize::try_from(stream.cached_info().state.messages)?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        };
        let messages = stream.create_consumer(config).await?.messages().await?.take(total);
        Ok(messages.try_collect().await?)
    }

    async fn backlog(&self) -> usize {
        let lanes: Vec<_> = (0..outbox::LANES).collect();
        outbox::waiting(self.database.read(), &lanes, 0, 10_000).await.unwrap().len()
    }
}

fn fact(user: &str, number: usize) -> UserUpdated {
    UserUpdated { user_id: user.to_owned(), changed_fields: vec![number.to_string()] }
}

/// Reads the facts of these tests.
static EFFECTS: ConsumerSpec = ConsumerSpec {
    name: "test-effects",
    owner: "test",
    stream: "USERS",
    facts: &["users.user.updated"],
    concurrency: 1,
};

/// Notes each event in the table `effect`, after failing as often as it is told to.
#[derive(Clone, Default)]
struct NoteEffect {
    failures: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl NoteEffect {
    fn failing(times: usize) -> Self {
        Self { failures: Arc::new(AtomicUsize::new(times)), calls: Arc::default() }
    }
}

impl Handler for NoteEffect {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        event.data::<UserUpdated>().map_err(HandlerError::Permanent)?;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let insert = format!("INSERT INTO effect (event_id) VALUES ('{}')", event.id);
        transaction.execute_unprepared(&insert).await.map_err(Error::from)?;
        // The failure comes after the write, so that a transaction that is not rolled back would be seen.
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            return Err(Error::internal("told to fail").into());
        }
        Ok(())
    }
}

#[test]
fn the_first_attempt_to_connect_waits_for_nothing_and_later_ones_ever_longer() {
    let pauses = [1, 2, 3, 6, 7, 100].map(|attempt| pause_before(attempt).as_millis());
    assert_eq!(pauses, [0, 100, 200, 1600, 2000, 2000]);
}
