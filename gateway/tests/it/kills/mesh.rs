//! payment-svc and user-svc as processes that can be killed, with a provider that lives on.

use std::net::SocketAddr;
use std::time::Duration;

use futures::TryStreamExt;
use payment_svc::sandbox::{Sandbox, SandboxSettings, Status as Payment};
use sea_orm::{ConnectionTrait, Statement};
use shared::auth::Caller;
use shared::config::Secret;
use shared::database::Database;
use shared::id::{derived_id, new_id};
use shared::messaging::CREDIT_TOKENS;
use shared::proto::events::v1::{OrderPaid, TokensCredited};
use shared::proto::v1::idempotency_service_client::IdempotencyServiceClient;
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::user_service_client::UserServiceClient;
use shared::proto::v1::{
    ClaimKeyRequest, ConfirmOrderRequest, CreateOrderRequest, GetOrderRequest, InitializeUserRequest, Order,
    OrderState,
};
use shared::testkit::{self, Engine, Killable, NatsServer, TestDatabase, caller, eventually};
use tonic::Status;
use tonic::transport::Channel;

use super::proxy::Proxy;

/// A card that pays.
pub const CARD: &str = "4242424242424242";
/// A card that pays, of which the merchant hears nothing in time.
pub const ANSWERS_LATE: &str = "4000000000000135";

/// Longer than anybody waits.
const PATIENCE: Duration = Duration::from_secs(3600);

/// See above.
pub struct Mesh {
    pub nats: NatsServer,
    /// Between user-svc and the broker.
    pub proxy: Proxy,
    pub payment_svc: Killable,
    pub user_svc: Killable,
    pub payments: Data,
    pub user_id: String,
    users: Data,
    sandbox: Sandbox,
}

/// A service's database, which the test looks into.
pub struct Data {
    file: TestDatabase,
    database: Database,
}

impl Data {
    async fn new(engine: Engine) -> Self {
        let file = TestDatabase::new(engine).await;
        let database = Database::connect(&file.settings()).await.unwrap();
        Self { file, database }
    }

    /// The number that a query tells.
    pub async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.database.backend(), sql);
        let row = self.database.read().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        self.database.write().execute_unprepared(sql).await.unwrap();
    }
}

impl Mesh {
    pub async fn start(engine: Engine) -> Self {
        let nats = Box::pin(NatsServer::start()).await;
        let (payments, users) = tokio::join!(Data::new(engine), Data::new(engine));
        let proxy = Proxy::to(&nats.url()).await;
        let sandbox = Sandbox::start(SandboxSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key: Secret::new("sandbox"),
            notice_secret: Secret::new("sandbox"),
            // It tells nothing: what is not asked is not known.
            notice_url: None,
            journal: None,
            patience: PATIENCE,
        });
        let sandbox = sandbox.await.unwrap();
        let payment_svc = Killable::new("payment-svc", &nats, payments.file.url()).with_metrics().with(&[
            ("DEVELOPMENT", "true"),
            ("SANDBOX_URL", &sandbox.url()),
            // Nobody asks again before the test lets the time pass.
            ("ORDER_LOOK_AGAIN", "3600"),
            ("PAYMENT_TIMEOUT", "3600"),
            // Whoever dies while it publishes keeps its part of the outbox for so long.
            ("RELAY_LEASE", "1"),
        ]);
        let user_svc = Killable::new("user-svc", &nats, users.file.url()).with_metrics().with(&[
            ("NATS_URL", &proxy.url),
            ("CONSUMER_ACK_WAIT", "1"),
            ("RELAY_LEASE", "1"),
        ]);
        payment_svc.start();
        user_svc.start();
        let user_id = new_id();
        let mesh = Self { nats, proxy, payment_svc, user_svc, payments, user_id, users, sandbox };
        mesh.until_ready().await;
        mesh
    }

    async fn until_ready(&self) {
        let channel = self.user_svc.channel(testkit::LIMIT);
        eventually("user-svc takes a user", async || {
            let request = caller(Caller::Gateway, InitializeUserRequest { user_id: self.user_id.clone() });
            UserServiceClient::new(channel.clone()).initialize_user(request).await.is_ok()
        })
        .await;
        eventually("payment-svc answers", async || {
            self.order(&new_id()).await.is_err_and(|status| status.code() == tonic::Code::NotFound)
        })
        .await;
    }

    pub fn orders(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.payment_svc.channel(testkit::LIMIT))
    }

    /// A hundred tokens for 3,900 won, which the user agrees to pay with a card: the order, and the payment's key.
    pub async fn agreed(&self, card: &str) -> (String, String) {
        let id = new_id();
        self.create(&id).await.unwrap();
        let key = self.sandbox.agree(&id, card).unwrap();
        (id, key)
    }

    /// Orders a hundred tokens.
    pub async fn create(&self, order_id: &str) -> Result<Order, Status> {
        let request = CreateOrderRequest {
            order_id: order_id.to_owned(),
            product_id: derived_id(&["product", "메시지 토큰 100개"]),
            currency: "KRW".to_owned(),
            return_url: None,
        };
        Ok(self.orders().create_order(caller(self.user(), request)).await?.into_inner().order.unwrap())
    }

    /// What the key of this hash stands for at payment-svc, where the request proposes an id of its own.
    pub async fn claim(&self, key_hash: &str, request_hash: &str) -> Result<String, Status> {
        let request = ClaimKeyRequest {
            operation: "create_order".to_owned(),
            key_hash: key_hash.to_owned(),
            request_hash: request_hash.to_owned(),
            id: new_id(),
        };
        let mut keys = IdempotencyServiceClient::new(self.payment_svc.channel(testkit::LIMIT));
        Ok(keys.claim_key(caller(self.user(), request)).await?.into_inner().id)
    }

    pub async fn order(&self, id: &str) -> Result<Order, Status> {
        let request = caller(self.user(), GetOrderRequest { order_id: id.to_owned() });
        Ok(self.orders().get_order(request).await?.into_inner().order.unwrap())
    }

    /// The keys of a service's instances in the registry.
    pub async fn instances(&self, service: &str) -> Vec<String> {
        let nats = self.nats.connect().await;
        let Ok(bucket) = nats.jetstream.get_key_value("mesh").await else { return Vec::new() };
        let keys: Vec<_> = bucket.keys().await.unwrap().try_collect().await.unwrap();
        keys.into_iter().filter(|key| key.starts_with(service)).collect()
    }

    /// What the provider has collected.
    pub fn held(&self) -> i64 {
        let records = self.sandbox.records().into_iter();
        records.filter(|record| record.status == Payment::Paid).map(|record| record.amount).sum()
    }

    /// How often an order was credited.
    pub async fn credits(&self, order_id: &str) -> i64 {
        self.users.count(&format!("SELECT COUNT(*) FROM token_credits WHERE order_id = '{order_id}'")).await
    }

    /// Waits until the order is paid and its tokens are there, and checks that nothing of it happened twice.
    pub async fn check_paid_once(&self, id: &str) {
        eventually("the order is paid", async || {
            self.order(id).await.is_ok_and(|order| order.state() == OrderState::Paid)
        })
        .await;
        eventually("the tokens are credited", async || self.credits(id).await == 1).await;
        testkit::everything_published(&self.payments.database).await;
        testkit::everything_published(&self.users.database).await;
        let nats = self.nats.connect().await;
        testkit::idle(&nats, &CREDIT_TOKENS).await;
        assert_eq!(testkit::events::<OrderPaid>(&nats, id).await.len(), 1);
        let of_order = |told: &TokensCredited| told.order_id == id;
        let told = testkit::events::<TokensCredited>(&nats, &self.user_id).await;
        assert_eq!(told.into_iter().filter(of_order).count(), 1);
        let bought = format!(
            "SELECT CAST(purchased AS BIGINT) FROM message_tokens WHERE user_id = '{}'",
            self.user_id
        );
        assert_eq!(self.users.count(&bought).await, 100);
        let postings = format!("SELECT COUNT(*) FROM postings WHERE order_id = '{id}'");
        assert_eq!(self.payments.count(&postings).await, 2, "the money and the tokens");
        assert_eq!(self.held(), 3900);
    }

    fn user(&self) -> Caller {
        Caller::User(self.user_id.clone())
    }
}

/// Lets a user confirm an order.
pub async fn confirm(
    mut orders: OrderServiceClient<Channel>,
    user_id: String,
    id: String,
    key: String,
) -> Result<Order, Status> {
    let request = ConfirmOrderRequest { order_id: id, payment_key: Some(key) };
    Ok(orders.confirm_order(caller(Caller::User(user_id), request)).await?.into_inner().order.unwrap())
}
