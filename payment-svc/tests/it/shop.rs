//! A payment-svc with a sandbox of payments that is not a part of it, and whose notices reach it as the gateway passes
//! them on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use payment_svc::providers::HttpSettings;
use payment_svc::sandbox::{Sandbox, SandboxSettings};
use payment_svc::{OrderSettings, PaymentConfig, SandboxConfig};
use shared::auth::Caller;
use shared::config::Secret;
use shared::id::{derived_id, new_id};
use shared::messaging::Event;
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::{
    CancelOrderRequest, Checkout, ConfirmOrderRequest, CreateOrderRequest, GetOrderRequest,
    ListOrdersRequest, Order, OrderState, PaymentProvider, ReceiveNoticeRequest, RefundOrderRequest,
};
use shared::testkit::{self, Engine, NatsServer, TestDatabase, caller, eventually, service_config};
use shared::time::Clock;
use tonic::Status;
use tonic::transport::Channel;

use crate::world::{Instance, count};

/// How long the service waits for the sandbox.
pub const TIMEOUT: Duration = Duration::from_millis(400);
/// A card that pays.
pub const CARD: &str = "4242424242424242";

/// See above.
pub struct Shop {
    pub nats: NatsServer,
    pub clock: Clock,
    pub sandbox: Sandbox,
    pub service: Instance,
    file: TestDatabase,
    receiver: Receiver,
    look_again: Duration,
}

/// What stands for the gateway.
struct Receiver {
    url: String,
    service: Arc<Mutex<Option<Channel>>>,
}

impl Receiver {
    async fn start() -> Self {
        let service = Arc::new(Mutex::new(None));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(receive)).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, service }
    }

    fn pass_on_to(&self, service: &Instance) {
        *self.service.lock().unwrap() = Some(service.channel());
    }
}

async fn receive(
    State(service): State<Arc<Mutex<Option<Channel>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Some(channel) = service.lock().unwrap().clone() else { return StatusCode::SERVICE_UNAVAILABLE };
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    match notice(channel, headers.collect(), &body).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Passes a notice on.
pub async fn notice(channel: Channel, headers: HashMap<String, String>, body: &[u8]) -> Result<(), Status> {
    let provider = PaymentProvider::Sandbox.into();
    let request = ReceiveNoticeRequest { provider, headers, body: body.to_vec() };
    OrderServiceClient::new(channel).receive_notice(caller(Caller::Gateway, request)).await.map(drop)
}

impl Shop {
    pub async fn new(engine: Engine) -> Self {
        Self::that_looks_again_after(engine, Duration::from_millis(100)).await
    }

    /// One that asks the provider of what has no answer so long after it began.
    pub async fn that_looks_again_after(engine: Engine, look_again: Duration) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let receiver = Receiver::start().await;
        let sandbox = Sandbox::start(SandboxSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key: Secret::new("key"),
            notice_secret: Secret::new("whsec"),
            notice_url: Some(receiver.url.clone()),
            journal: None,
            patience: TIMEOUT / 4,
        });
        let (sandbox, clock) = (sandbox.await.unwrap(), Clock::system());
        let service = Instance::with(config(&nats, &file, &sandbox, look_again), clock.clone()).await;
        testkit::next_release_if_asked(service.running.database()).await;
        receiver.pass_on_to(&service);
        Self { nats, clock, sandbox, service, file, receiver, look_again }
    }

    /// Lets notices go nowhere.
    pub fn is_deaf(&self) {
        *self.receiver.service.lock().unwrap() = None;
    }

    pub async fn another_instance(&self) -> Instance {
        Instance::with(self.config(), self.clock.clone()).await
    }

    pub fn config(&self) -> PaymentConfig {
        config(&self.nats, &self.file, &self.sandbox, self.look_again)
    }

    pub fn client(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.service.channel())
    }

    pub async fn order(&self, by: &str, id: &str) -> Result<(Order, Option<Checkout>), Status> {
        let answer = self.client().create_order(caller(user(by), new_order(id))).await?.into_inner();
        Ok((answer.order.unwrap(), answer.checkout))
    }

    /// An order that somebody agrees to pay with a card: its id, and the key of the payment.
    pub async fn agreed(&self, by: &str, card: &str) -> (String, String) {
        let id = new_id();
        self.order(by, &id).await.unwrap();
        let key = self.sandbox.agree(&id, card).unwrap();
        (id, key)
    }

    /// An order that was paid.
    pub async fn paid(&self, by: &str) -> String {
        let (id, key) = self.agreed(by, CARD).await;
        let order = self.confirm(by, &id, &key).await.unwrap();
        assert_eq!(order.state(), OrderState::Paid);
        id
    }

    pub async fn confirm(&self, by: &str, id: &str, key: &str) -> Result<Order, Status> {
        confirm(self.client(), by, id, key).await
    }

    pub async fn cancel(&self, by: &str, id: &str) -> Result<Order, Status> {
        let request = CancelOrderRequest { order_id: id.to_owned() };
        Ok(self.client().cancel_order(caller(user(by), request)).await?.into_inner().order.unwrap())
    }

    pub async fn refund(&self, id: &str, refund_id: &str, amount: Option<i64>) -> Result<Order, Status> {
        let request = RefundOrderRequest {
            order_id: id.to_owned(),
            refund_id: refund_id.to_owned(),
            amount,
            reason: "asked for it".to_owned(),
        };
        Ok(self.client().refund_order(caller(admin(), request)).await?.into_inner().order.unwrap())
    }

    pub async fn get(&self, by: Caller, id: &str) -> Result<Order, Status> {
        let request = GetOrderRequest { order_id: id.to_owned() };
        Ok(self.client().get_order(caller(by, request)).await?.into_inner().order.unwrap())
    }

    pub async fn list(&self, by: Caller, request: ListOrdersRequest) -> Result<Vec<Order>, Status> {
        Ok(self.client().list_orders(caller(by, request)).await?.into_inner().orders)
    }

    /// Waits until the order has come to this state.
    pub async fn until(&self, id: &str, state: OrderState) -> Order {
        let what = format!("the order is {}", state.as_str_name());
        eventually(&what, async || self.get(admin(), id).await.unwrap().state() == state).await;
        self.get(admin(), id).await.unwrap()
    }

    /// See [`testkit::events`], once the outbox is empty.
    pub async fn events<E: Event>(&self, order_id: &str) -> Vec<E> {
        testkit::everything_published(self.service.running.database()).await;
        testkit::events(&self.nats.connect().await, order_id).await
    }

    /// See [`count`].
    pub async fn count(&self, sql: &str) -> i64 {
        count(self.service.running.database(), sql).await
    }

    /// What moved into and out of an account, the second less the first.
    pub async fn balance(&self, account: &str) -> i64 {
        let of =
            |side| format!("(SELECT COALESCE(SUM(amount), 0) FROM postings WHERE {side} LIKE '{account}')");
        self.count(&format!("SELECT CAST({} - {} AS BIGINT)", of("debit"), of("credit"))).await
    }

    /// What the sandbox has collected and not given back.
    pub fn held(&self) -> i64 {
        let paid = self.sandbox.records().into_iter();
        let paid = paid.filter(|record| record.status == payment_svc::sandbox::Status::Paid);
        paid.map(|record| record.amount - record.refunds.values().sum::<i64>()).sum()
    }
}

fn config(nats: &NatsServer, file: &TestDatabase, sandbox: &Sandbox, look_again: Duration) -> PaymentConfig {
    let sandbox = SandboxConfig {
        http: HttpSettings { url: sandbox.url(), limit: TIMEOUT },
        key: Secret::new("key"),
        notice_secret: Secret::new("whsec"),
        embedded: None,
    };
    PaymentConfig {
        orders: OrderSettings { look_again, ..OrderSettings::default() },
        sandbox: Some(sandbox),
        ..service_config("payment-svc", nats, file).into()
    }
}

pub async fn confirm(
    mut client: OrderServiceClient<Channel>,
    by: &str,
    id: &str,
    key: &str,
) -> Result<Order, Status> {
    let request = ConfirmOrderRequest { order_id: id.to_owned(), payment_key: Some(key.to_owned()) };
    Ok(client.confirm_order(caller(user(by), request)).await?.into_inner().order.unwrap())
}

/// A hundred tokens for 3,900 won.
pub fn new_order(id: &str) -> CreateOrderRequest {
    CreateOrderRequest {
        order_id: id.to_owned(),
        product_id: derived_id(&["product", "메시지 토큰 100개"]),
        currency: "KRW".to_owned(),
        return_url: None,
    }
}

pub fn user(id: &str) -> Caller {
    Caller::User(id.to_owned())
}

pub fn admin() -> Caller {
    Caller::Admin("a".to_owned())
}
