//! A running payment-svc, its broker, and user-svc's outbox.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};
use shared::auth::Caller;
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::{
    ConsumerSpec, CreateMessagingTables, DEAD_LETTERS, Event, Nats, Relay, RelaySettings,
    dead_letter::{self, DeadLetter},
};
use shared::proto::v1::payment_service_client::PaymentServiceClient;
use shared::proto::v1::{Customer, GetCustomerRequest};
use shared::service::Running;
use shared::shutdown::Shutdown;
use shared::testkit::{Engine, NatsServer, TestDatabase, caller, eventually, service_config};
use shared::time::Clock;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A payment-svc that runs.
pub struct Instance {
    running: Running,
    channel: Channel,
}

impl Instance {
    async fn start(nats: &NatsServer, file: &TestDatabase) -> Self {
        let running =
            Box::pin(payment_svc::start(service_config(nats, file), Clock::system())).await.unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy();
        Self { running, channel }
    }

    pub async fn customer(&self, by: Caller, user_id: &str) -> Result<Customer, Status> {
        let request = GetCustomerRequest { user_id: user_id.to_owned() };
        let mut client = PaymentServiceClient::new(self.channel.clone());
        Ok(client.get_customer(caller(by, request)).await?.into_inner().customer.unwrap())
    }
}

/// A payment-svc with its broker and its database, and user-svc's outbox with a relay.
pub struct World {
    pub nats: NatsServer,
    pub service: Instance,
    file: TestDatabase,
    users: UserSvc,
}

/// user-svc's outbox and its relay.
struct UserSvc {
    outbox: Database,
    _file: TestDatabase,
}

struct Messaging;

#[async_trait::async_trait]
impl MigratorTrait for Messaging {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateMessagingTables)]
    }
}

impl UserSvc {
    async fn start(nats: &NatsServer) -> Self {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let outbox = file.migrated::<Messaging>().await;
        let settings = RelaySettings { poll_interval: Duration::from_millis(50), ..RelaySettings::default() };
        let relay = Relay::new(outbox.clone(), nats.connect().await, "user-svc", settings);
        let shutdown = Shutdown::default();
        shutdown.spawn(relay.run(shutdown.clone()));
        Self { outbox, _file: file }
    }

    /// Commits an event to the outbox and waits until the relay has published it.
    pub async fn tell<E: Event>(&self, event: &E) {
        let transaction = self.outbox.begin().await.unwrap();
        transaction.publish(event).await.unwrap();
        transaction.commit().await.unwrap();
        let waiting = "SELECT id FROM outbox WHERE published_at IS NULL";
        eventually("the event is published", async || {
            let waiting = Statement::from_string(self.outbox.backend(), waiting);
            self.outbox.read().query_one_raw(waiting).await.unwrap().is_none()
        })
        .await;
    }
}

impl World {
    pub async fn new(engine: Engine) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let service = Instance::start(&nats, &file).await;
        let users = UserSvc::start(&nats).await;
        Self { nats, service, file, users }
    }

    /// One more instance on the same database.
    pub async fn another_instance(&self) -> Instance {
        Instance::start(&self.nats, &self.file).await
    }

    /// Stops the service, lets user-svc tell something `meanwhile`, and starts it again.
    pub async fn restart<E: Event, F: Event>(self, meanwhile: (E, F)) -> Self {
        let Self { nats, service, file, users } = self;
        service.running.stop().await;
        users.tell(&meanwhile.0).await;
        users.tell(&meanwhile.1).await;
        let service = Instance::start(&nats, &file).await;
        Self { nats, service, file, users }
    }

    pub fn broker(&self) -> &Nats {
        self.service.running.nats()
    }

    /// Tells what user-svc tells, and waits until it is in the stream.
    pub async fn tell<E: Event>(&self, event: &E) {
        self.users.tell(event).await;
    }

    /// Puts the last event with this subject into its stream once more, as the relay does when an ack was lost for
    /// longer than the stream remembers message ids.
    pub async fn deliver_again(&self, subject: &str) {
        let jetstream = &self.broker().jetstream;
        let stream = jetstream.get_stream("USERS").await.unwrap();
        let mut message = stream.get_last_raw_message_by_subject(subject).await.unwrap();
        message.headers.insert("Nats-Msg-Id", new_id());
        let publish = jetstream.publish_with_headers(message.subject, message.headers, message.payload);
        publish.await.unwrap().await.unwrap();
    }

    /// Waits until the consumer has nothing left to do.
    pub async fn idle(&self, spec: &ConsumerSpec) {
        let stream = self.broker().jetstream.get_stream(spec.stream).await.unwrap();
        eventually("the consumer is idle", async || {
            let info = stream.consumer_info(spec.name).await.unwrap();
            info.num_pending == 0 && info.num_ack_pending == 0
        })
        .await;
    }

    /// Waits for the first dead letter.
    pub async fn dead_letter(&self) -> DeadLetter {
        let stream = self.broker().jetstream.get_stream(DEAD_LETTERS).await.unwrap();
        eventually("a dead letter", async || stream.get_info().await.unwrap().state.messages > 0).await;
        dead_letter::get(self.broker(), 1).await.unwrap().unwrap()
    }

    /// How many customers' rows name the user.
    pub async fn rows_naming(&self, user_id: &str) -> i64 {
        self.count(&format!("SELECT COUNT(*) FROM customers WHERE user_id = '{user_id}'")).await
    }

    /// How many customers there are.
    pub async fn rows(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM customers").await
    }

    async fn count(&self, sql: &str) -> i64 {
        let database = self.service.running.database();
        let statement = Statement::from_string(database.backend(), sql);
        let row = database.read().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}
