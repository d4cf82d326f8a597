//! The processes under stress: two payment-svc, one user-svc, a nats-server, and a database for each service.

use std::time::Duration;

use shared::auth::{Caller, MESH_TOKEN, MeshSigner};
use shared::database::Database;
use shared::messaging::{CREDIT_TOKENS, KEEP_CUSTOMERS};
use shared::testkit::{Engine, Killable, NatsServer, TestDatabase, mesh_signing_key};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::BoxError;
use crate::checker::{WAITING, Work};

/// How long an order can be paid: short, so that quiet comes soon.
pub const ORDER_OPEN_FOR: Duration = Duration::from_secs(6);
/// How long the provider may take.
pub const PROVIDER_LIMIT: Duration = Duration::from_secs(1);
/// Orders that somebody may still pay.
pub const OPEN_ORDERS: &str =
    "SELECT COUNT(*) AS n FROM orders WHERE state IN ('ORDER_STATE_CREATED', 'ORDER_STATE_PENDING')";
/// Refunds that the provider has not answered.
pub const OPEN_REFUNDS: &str = "SELECT COUNT(*) AS n FROM refunds WHERE state = 'REQUESTED'";
/// How long a caller waits.
const CALL_LIMIT: Duration = Duration::from_secs(4);

/// See above.
pub struct Mesh {
    /// The broker.
    pub nats: NatsServer,
    /// Two instances on one database.
    pub payment_svc: [Killable; 2],
    /// One instance.
    pub user_svc: Killable,
    /// payment-svc's database.
    pub payments: Database,
    /// user-svc's database.
    pub users: Database,
    folder: TempDir,
    _files: [TestDatabase; 2],
}

impl Mesh {
    /// Starts everything. The provider is at `provider_url`; `folder` takes the logs, which say what happened.
    ///
    /// # Errors
    /// When a database does not open.
    pub async fn start(engine: Engine, folder: TempDir, provider_url: &str) -> Result<Self, BoxError> {
        let nats = Box::pin(NatsServer::start()).await;
        let files = [TestDatabase::new(engine).await, TestDatabase::new(engine).await];
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let payment_svc = [0, 1].map(|number| {
            let process = Killable::new("payment-svc", &nats, files[0].url()).with(&PATIENCE).with(&[
                ("DEVELOPMENT", "true"),
                ("SANDBOX_URL", provider_url),
                ("PAYMENT_TIMEOUT", &seconds(PROVIDER_LIMIT)),
                ("ORDER_OPEN_FOR", &seconds(ORDER_OPEN_FOR)),
                ("ORDER_LOOK_AGAIN", "1"),
            ]);
            process.logging_to(&folder.path().join(format!("payment-svc-{number}.log")))
        });
        let user_svc = Killable::new("user-svc", &nats, files[1].url()).with(&PATIENCE);
        let user_svc = user_svc.logging_to(&folder.path().join("user-svc.log"));
        for process in [&payment_svc[0], &payment_svc[1], &user_svc] {
            process.start();
        }
        let payments = Database::connect(&files[0].settings()).await?;
        let users = Database::connect(&files[1].settings()).await?;
        Ok(Self { nats, payment_svc, user_svc, payments, users, folder, _files: files })
    }

    /// Connections to every payment-svc.
    pub fn payment_channels(&self) -> Vec<Channel> {
        self.payment_svc.iter().map(|process| process.channel(CALL_LIMIT)).collect()
    }

    /// A connection to user-svc.
    pub fn user_channel(&self) -> Channel {
        self.user_svc.channel(CALL_LIMIT)
    }

    /// What there may be to do.
    pub fn work(&self) -> Work<'_> {
        Work {
            rows: vec![
                (&self.payments, OPEN_ORDERS, "open orders"),
                (&self.payments, OPEN_REFUNDS, "refunds without an answer"),
                (&self.payments, WAITING, "events in payment-svc's outbox"),
                (&self.users, WAITING, "events in user-svc's outbox"),
            ],
            consumers: vec![&CREDIT_TOKENS, &KEEP_CUSTOMERS],
            broker: &self.nats,
        }
    }

    /// Keeps the logs when the mesh is gone: where they are.
    pub fn keep_logs(self) -> std::path::PathBuf {
        self.folder.keep()
    }
}

/// What is late comes again soon, and nothing is given up in a time as short as a run's.
pub const PATIENCE: [(&str, &str); 6] = [
    ("CONSUMER_ACK_WAIT", "2"),
    ("CONSUMER_MAX_DELIVERIES", "1000"),
    ("CONSUMER_LONGEST_PAUSE", "1"),
    ("RELAY_LEASE", "2"),
    ("RUST_LOG", "info"),
    ("LOG_FORMAT", "json"),
];

/// Signs requests as the gateway does.
#[derive(Clone)]
pub struct Gateway(MeshSigner);

impl Gateway {
    /// One that uses a token for several calls of a caller.
    ///
    /// # Errors
    /// When the key is none.
    pub fn new() -> Result<Self, BoxError> {
        Ok(Self(MeshSigner::new(&mesh_signing_key(), 10_000)?))
    }

    /// A request on behalf of `caller`.
    ///
    /// # Errors
    /// Never: the key signs, and a token is ASCII.
    pub fn request<T>(
        &self,
        caller: Caller,
        service: &str,
        message: T,
    ) -> Result<tonic::Request<T>, tonic::Status> {
        let token = self.0.token(caller, service)?;
        let mut request = tonic::Request::new(message);
        let token = token.parse().map_err(|_| tonic::Status::internal("a token is ASCII"))?;
        request.metadata_mut().insert(MESH_TOKEN, token);
        Ok(request)
    }
}
