//! A running payment-svc, its broker, and user-svc's outbox.

use payment_svc::PaymentConfig;
use sea_orm::{ConnectionTrait, Statement};
use shared::auth::Caller;
use shared::database::Database;
use shared::messaging::dead_letter::DeadLetter;
use shared::messaging::{ConsumerSpec, Event, Nats};
use shared::proto::v1::payment_service_client::PaymentServiceClient;
use shared::proto::v1::{Customer, GetCustomerRequest};
use shared::service::Running;
use shared::testkit::{self, Engine, NatsServer, Neighbour, TestDatabase, caller, service_config};
use shared::time::Clock;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A payment-svc that runs.
pub struct Instance {
    pub running: Running,
    channel: Channel,
}

impl Instance {
    async fn start(nats: &NatsServer, file: &TestDatabase) -> Self {
        Self::with(service_config("payment-svc", nats, file).into(), Clock::system()).await
    }

    pub async fn with(config: PaymentConfig, clock: Clock) -> Self {
        let running = Box::pin(payment_svc::start(config, clock)).await.unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy();
        Self { running, channel }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
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
    users: Neighbour,
}

impl World {
    pub async fn new(engine: Engine) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let service = Instance::start(&nats, &file).await;
        testkit::next_release_if_asked(service.running.database()).await;
        let users = Neighbour::start("user-svc", &nats).await;
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
        users.tell_and_wait(&meanwhile.0).await;
        users.tell_and_wait(&meanwhile.1).await;
        let service = Instance::start(&nats, &file).await;
        Self { nats, service, file, users }
    }

    pub async fn broker(&self) -> Nats {
        self.nats.connect().await
    }

    /// Tells what user-svc tells, and waits until it is in the stream.
    pub async fn tell<E: Event>(&self, event: &E) {
        self.users.tell_and_wait(event).await;
    }

    /// See [`testkit::deliver_again`].
    pub async fn deliver_again(&self, subject: &str) {
        testkit::deliver_again(&self.broker().await, "USERS", subject).await;
    }

    /// See [`testkit::idle`].
    pub async fn idle(&self, spec: &ConsumerSpec) {
        testkit::idle(&self.broker().await, spec).await;
    }

    /// See [`testkit::first_dead_letter`].
    pub async fn dead_letter(&self) -> DeadLetter {
        testkit::first_dead_letter(&self.broker().await).await
    }

    /// How many customers' rows name the user.
    pub async fn rows_naming(&self, user_id: &str) -> i64 {
        self.count(&format!("SELECT COUNT(*) FROM customers WHERE user_id = '{user_id}'")).await
    }

    /// How many customers there are.
    pub async fn rows(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM customers").await
    }

    /// See [`count`].
    pub async fn count(&self, sql: &str) -> i64 {
        count(self.service.running.database(), sql).await
    }
}

/// The number that a query tells.
pub async fn count(database: &Database, sql: &str) -> i64 {
    let statement = Statement::from_string(database.backend(), sql);
    let row = database.read().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
