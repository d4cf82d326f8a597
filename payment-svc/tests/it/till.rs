//! A payment-svc that collects through a [`Fake`] of a provider.

use std::collections::HashMap;
use std::time::Duration;

use payment_svc::{OrderSettings, PaymentConfig};
use shared::auth::Caller;
use shared::id::new_id;
use shared::messaging::Event;
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::{
    CancelOrderRequest, Checkout, GetOrderRequest, Order, OrderState, PaymentProvider, ReceiveNoticeRequest,
    RefundOrderRequest,
};
use shared::testkit::{self, Engine, NatsServer, TestDatabase, caller, eventually, service_config};
use shared::time::Clock;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::shop::{admin, confirm, new_order, user};
use crate::vendor::{Fake, Vendor};
use crate::world::{Instance, count};

/// See above.
pub struct Till<V> {
    pub nats: NatsServer,
    pub clock: Clock,
    pub service: Instance,
    pub fake: Fake<V>,
    /// Whoever buys.
    pub by: String,
    provider: PaymentProvider,
    _file: TestDatabase,
}

impl<V: Vendor> Till<V> {
    /// With a configuration that `set_up` completes.
    pub async fn new(
        engine: Engine,
        vendor: V,
        provider: PaymentProvider,
        set_up: impl FnOnce(&mut PaymentConfig, &Fake<V>),
    ) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let fake = Fake::start(vendor).await;
        let mut config = PaymentConfig {
            orders: OrderSettings { look_again: Duration::from_millis(100), ..OrderSettings::default() },
            first: provider,
            sandbox: None,
            ..service_config("payment-svc", &nats, &file).into()
        };
        set_up(&mut config, &fake);
        let clock = Clock::system();
        let service = Instance::with(config, clock.clone()).await;
        testkit::next_release_if_asked(service.running.database()).await;
        Self { nats, clock, service, fake, by: new_id(), provider, _file: file }
    }

    fn client(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.service.channel())
    }

    /// A new order, and how it is paid.
    pub async fn order(&self) -> (String, Checkout) {
        let id = new_id();
        let checkout = self.order_again(&id).await.unwrap();
        (id, checkout)
    }

    pub async fn order_again(&self, id: &str) -> Result<Checkout, Status> {
        let answer = self.client().create_order(caller(user(&self.by), new_order(id))).await?.into_inner();
        Ok(answer.checkout.unwrap())
    }

    pub async fn confirm(&self, id: &str, key: &str) -> Result<Order, Status> {
        confirm(self.client(), &self.by, id, key).await
    }

    pub async fn cancel(&self, id: &str) -> Result<Order, Status> {
        let request = CancelOrderRequest { order_id: id.to_owned() };
        let answer = self.client().cancel_order(caller(user(&self.by), request)).await?;
        Ok(answer.into_inner().order.unwrap())
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

    pub async fn get(&self, id: &str) -> Order {
        let request = GetOrderRequest { order_id: id.to_owned() };
        let answer = self.client().get_order(caller(admin(), request)).await.unwrap();
        answer.into_inner().order.unwrap()
    }

    pub async fn notice(&self, headers: HashMap<String, String>, body: &[u8]) -> Result<(), Status> {
        let request = ReceiveNoticeRequest { provider: self.provider.into(), headers, body: body.to_vec() };
        self.client().receive_notice(caller(Caller::Gateway, request)).await.map(drop)
    }

    /// Waits until the order has come to this state.
    pub async fn until(&self, id: &str, state: OrderState) -> Order {
        let what = format!("the order is {}", state.as_str_name());
        eventually(&what, async || self.get(id).await.state() == state).await;
        self.get(id).await
    }

    /// See [`testkit::events`], once the outbox is empty.
    pub async fn events<E: Event>(&self, order_id: &str) -> Vec<E> {
        testkit::everything_published(self.service.running.database()).await;
        testkit::events(&self.nats.connect().await, order_id).await
    }

    /// What the ledger says that the provider holds for us.
    pub async fn booked(&self) -> i64 {
        let of =
            |side| format!("(SELECT COALESCE(SUM(amount), 0) FROM postings WHERE {side} LIKE 'provider:%')");
        let sql = format!("SELECT CAST({} - {} AS BIGINT)", of("debit"), of("credit"));
        count(self.service.running.database(), &sql).await
    }
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>, code: Code, part: &str) {
    let status = result.unwrap_err();
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(part), "{status}");
}
