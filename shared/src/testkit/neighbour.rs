//! The services around the one under test.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

use super::{Engine, NatsServer, TestDatabase, eventually};
use crate::database::Database;
use crate::messaging::{CreateMessagingTables, Event, Relay, RelaySettings, TopologySettings, reconcile};
use crate::shutdown::Shutdown;

/// Another service: an outbox of its own and a relay.
pub struct Neighbour {
    database: Database,
    _file: TestDatabase,
}

struct Messaging;

#[async_trait::async_trait]
impl MigratorTrait for Messaging {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateMessagingTables)]
    }
}

impl Neighbour {
    /// Starts the service `name`, with its streams.
    ///
    /// # Panics
    /// When its database does not open.
    pub async fn start(name: &str, nats: &NatsServer) -> Self {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let database = file.migrated::<Messaging>().await;
        let settings = RelaySettings { poll_interval: Duration::from_millis(50), ..RelaySettings::default() };
        let connection = nats.connect_as(name).await;
        reconcile(&connection, &TopologySettings::default(), name).await.expect("the streams are declared");
        let relay = Relay::new(database.clone(), connection, name, settings);
        let shutdown = Shutdown::default();
        shutdown.spawn(relay.run(shutdown.clone()));
        Self { database, _file: file }
    }

    /// Commits an event to the outbox; the relay publishes it.
    ///
    /// # Panics
    /// When the event cannot be written.
    pub async fn tell<E: Event>(&self, event: &E) {
        let transaction = self.database.begin().await.expect("a transaction");
        transaction.publish(event).expect("the outbox takes an event");
        transaction.commit().await.expect("the transaction commits");
    }

    /// Commits an event and waits until it is in the stream.
    ///
    /// # Panics
    /// When it is not published in time.
    pub async fn tell_and_wait<E: Event>(&self, event: &E) {
        self.tell(event).await;
        everything_published(&self.database).await;
    }
}

/// Waits until every event of this outbox is in its stream.
///
/// # Panics
/// When they are not in time.
pub async fn everything_published(database: &Database) {
    let sql = "SELECT id FROM outbox WHERE published_at IS NULL";
    eventually("the outbox is published", async || {
        let waiting = Statement::from_string(database.backend(), sql);
        database.read().query_one_raw(waiting).await.expect("the outbox is read").is_none()
    })
    .await;
}
