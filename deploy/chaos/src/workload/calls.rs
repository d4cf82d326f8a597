//! Calls of the services, as the gateway makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::HeaderMap;
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::user_service_client::UserServiceClient;
use shared::proto::v1::{
    CancelOrderRequest, ConfirmOrderRequest, CreateOrderRequest, GetOrderRequest, InitializeUserRequest,
    Order, PaymentProvider, ReceiveNoticeRequest, RefundOrderRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::BoxError;
use crate::mesh::{Gateway, Mesh};

const PAYMENT_SVC: &str = "payment-svc";

/// Calls go to the instances of payment-svc in turn.
#[derive(Clone)]
pub struct Calls {
    gateway: Gateway,
    instances: Vec<OrderServiceClient<Channel>>,
    users: UserServiceClient<Channel>,
    turn: Arc<AtomicUsize>,
    made: Arc<AtomicU64>,
}

impl Calls {
    /// Of this mesh.
    ///
    /// # Errors
    /// When the key that signs calls is none.
    pub fn new(mesh: &Mesh) -> Result<Self, BoxError> {
        Ok(Self {
            gateway: Gateway::new()?,
            instances: mesh.payment_channels().into_iter().map(OrderServiceClient::new).collect(),
            users: UserServiceClient::new(mesh.user_channel()),
            turn: Arc::default(),
            made: Arc::default(),
        })
    }

    /// How many calls were made of payment-svc.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    fn next(&self) -> OrderServiceClient<Channel> {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.instances[self.turn.fetch_add(1, Ordering::Relaxed) % self.instances.len()].clone()
    }

    /// Makes somebody a user.
    pub(super) async fn sign_up(&self, user_id: &str) -> Result<(), Status> {
        let request = InitializeUserRequest { user_id: user_id.to_owned() };
        let request = self.gateway.request(Caller::Gateway, "user-svc", request)?;
        self.users.clone().initialize_user(request).await.map(drop)
    }

    /// Whether every payment-svc answers.
    pub(super) async fn ping(&self) -> Result<(), Status> {
        for instance in &self.instances {
            let request = GetOrderRequest { order_id: new_id() };
            let request = self.gateway.request(admin(), PAYMENT_SVC, request)?;
            match instance.clone().get_order(request).await {
                Err(status) if status.code() != Code::NotFound => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) async fn create(&self, by: &str, order_id: &str, product_id: &str) -> Result<Order, Status> {
        let request = CreateOrderRequest {
            order_id: order_id.to_owned(),
            product_id: product_id.to_owned(),
            currency: "KRW".to_owned(),
            return_url: None,
        };
        let request = self.gateway.request(user(by), PAYMENT_SVC, request)?;
        order(self.next().create_order(request).await?.into_inner().order)
    }

    pub(super) async fn confirm(&self, by: &str, order_id: &str, key: Option<&str>) -> Result<Order, Status> {
        let payment_key = key.map(str::to_owned);
        let request = ConfirmOrderRequest { order_id: order_id.to_owned(), payment_key };
        let request = self.gateway.request(user(by), PAYMENT_SVC, request)?;
        order(self.next().confirm_order(request).await?.into_inner().order)
    }

    pub(super) async fn cancel(&self, by: &str, order_id: &str) -> Result<Order, Status> {
        let request = CancelOrderRequest { order_id: order_id.to_owned() };
        let request = self.gateway.request(user(by), PAYMENT_SVC, request)?;
        order(self.next().cancel_order(request).await?.into_inner().order)
    }

    pub(super) async fn get(&self, by: &str, order_id: &str) -> Result<Order, Status> {
        let request = GetOrderRequest { order_id: order_id.to_owned() };
        let request = self.gateway.request(user(by), PAYMENT_SVC, request)?;
        order(self.next().get_order(request).await?.into_inner().order)
    }

    pub(super) async fn refund(
        &self,
        order_id: &str,
        refund_id: &str,
        amount: Option<i64>,
    ) -> Result<Order, Status> {
        let request = RefundOrderRequest {
            order_id: order_id.to_owned(),
            refund_id: refund_id.to_owned(),
            amount,
            reason: "chance".to_owned(),
        };
        let request = self.gateway.request(admin(), PAYMENT_SVC, request)?;
        order(self.next().refund_order(request).await?.into_inner().order)
    }

    /// Passes a notice of the provider on.
    ///
    /// # Errors
    /// What payment-svc says.
    pub async fn notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Status> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let provider = PaymentProvider::Sandbox.into();
        let request = ReceiveNoticeRequest { provider, headers, body: body.to_vec() };
        let request = self.gateway.request(Caller::Gateway, PAYMENT_SVC, request)?;
        self.next().receive_notice(request).await.map(drop)
    }
}

fn order(told: Option<Order>) -> Result<Order, Status> {
    told.ok_or_else(|| Status::internal("an answer without an order"))
}

fn user(id: &str) -> Caller {
    Caller::User(id.to_owned())
}

fn admin() -> Caller {
    Caller::Admin("chaos".to_owned())
}
