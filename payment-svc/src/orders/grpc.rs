//! `OrderService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::{check_id, check_ids};
use shared::labels::known;
use shared::page::{Listed, Page};
use shared::proto::v1::order_service_server::OrderService;
use shared::proto::v1::{
    self, CancelOrderRequest, CancelOrderResponse, ConfirmOrderRequest, ConfirmOrderResponse,
    CreateOrderRequest, CreateOrderResponse, GetOrderRequest, GetOrderResponse, ListOrdersRequest,
    ListOrdersResponse, OrderState, PaymentProvider, Price, ReceiveNoticeRequest, ReceiveNoticeResponse,
    RefundOrderRequest, RefundOrderResponse,
};
use shared::text::TextRule;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::{NewOrder, OrderCommands};
use super::domain::Order;
use super::queries::{OrderDetails, OrderFilter, OrderQueries};
use super::refunds::NewRefund;
use crate::customers::queries::whose;
use crate::products::domain::CURRENCIES;
use crate::providers::Checkout;

const REASON: TextRule = TextRule::new(1, 200);
/// The longest key of a payment (Toss Payments says 200).
const LONGEST_KEY: usize = 200;

/// Answers `OrderService`.
pub struct OrderGrpc {
    commands: OrderCommands,
    queries: OrderQueries,
}

impl OrderGrpc {
    pub fn new(commands: OrderCommands, database: &Database) -> Self {
        Self { commands, queries: OrderQueries::new(database.clone()) }
    }
}

#[tonic::async_trait]
impl OrderService for OrderGrpc {
    async fn create_order(
        &self,
        request: Request<CreateOrderRequest>,
    ) -> Result<Response<CreateOrderResponse>, Status> {
        let user_id = Caller::of(&request)?.user_id()?.to_owned();
        let CreateOrderRequest { order_id, product_id, currency, return_url } = request.into_inner();
        let mut violations = Violations::default();
        check_id("order_id", &order_id, &mut violations);
        check_id("product_id", &product_id, &mut violations);
        let rule = format!("must be one of {}", CURRENCIES.join(", "));
        violations.check(CURRENCIES.contains(&currency.as_str()), "currency", &rule);
        violations.into_result()?;
        let new = NewOrder { id: order_id, user_id, product_id, currency, return_url };
        let (order, checkout) = self.commands.create(new).await?;
        let checkout = checkout.map(Into::into);
        Ok(Response::new(CreateOrderResponse { order: Some(order.into()), checkout }))
    }

    async fn get_order(
        &self,
        request: Request<GetOrderRequest>,
    ) -> Result<Response<GetOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let details = self.queries.get(&caller, &request.into_inner().order_id).await?;
        let OrderDetails { order, history, user_id } = details;
        let history = history
            .into_iter()
            .map(|(state, at)| v1::OrderTransition { state: state.into(), at: Some(at.into()) })
            .collect();
        let user_id = user_id.filter(|_| caller.is_admin());
        let order = v1::Order { history, user_id, ..order.into() };
        Ok(Response::new(GetOrderResponse { order: Some(order) }))
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(request.page, &mut violations);
        let state = match request.state {
            0 => None,
            number => known::<OrderState>(number, "state", &mut violations),
        };
        for (field, id) in [("user_id", &request.user_id), ("product_id", &request.product_id)] {
            if let Some(id) = id {
                check_id(field, id, &mut violations);
            }
        }
        violations.into_result()?;
        let filter =
            OrderFilter { user_id: whose(&caller, request.user_id)?, state, product_id: request.product_id };
        let Listed { items, next_cursor } = self.queries.list(filter, page).await?;
        let orders = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListOrdersResponse { orders, next_cursor }))
    }

    async fn confirm_order(
        &self,
        request: Request<ConfirmOrderRequest>,
    ) -> Result<Response<ConfirmOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ConfirmOrderRequest { order_id, payment_key } = request.into_inner();
        let mut violations = Violations::default();
        check_id("order_id", &order_id, &mut violations);
        if let Some(key) = &payment_key {
            let is_key =
                (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
            violations.check(is_key, "payment_key", "must be what the provider told the payer's browser");
        }
        violations.into_result()?;
        let order = self.commands.confirm(&caller, &order_id, payment_key).await?;
        Ok(Response::new(ConfirmOrderResponse { order: Some(order.into()) }))
    }

    async fn cancel_order(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<Response<CancelOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let CancelOrderRequest { order_id } = request.into_inner();
        check_ids(&[("order_id", &order_id)])?;
        let order = self.commands.cancel(&caller, &order_id).await?;
        Ok(Response::new(CancelOrderResponse { order: Some(order.into()) }))
    }

    async fn refund_order(
        &self,
        request: Request<RefundOrderRequest>,
    ) -> Result<Response<RefundOrderResponse>, Status> {
        let requested_by = Caller::of(&request)?.user_id()?.to_owned();
        let RefundOrderRequest { order_id, refund_id, amount, reason } = request.into_inner();
        let mut violations = Violations::default();
        check_id("order_id", &order_id, &mut violations);
        check_id("refund_id", &refund_id, &mut violations);
        let reason = REASON.read("reason", &reason, &mut violations);
        violations.check(
            amount.is_none_or(|amount| amount > 0),
            "amount",
            "must be positive, in minor units",
        );
        violations.into_result()?;
        let new = NewRefund { id: refund_id, order_id, amount, reason, requested_by };
        let order = self.commands.refund(new).await?;
        Ok(Response::new(RefundOrderResponse { order: Some(order.into()) }))
    }

    async fn receive_notice(
        &self,
        request: Request<ReceiveNoticeRequest>,
    ) -> Result<Response<ReceiveNoticeResponse>, Status> {
        let ReceiveNoticeRequest { provider, headers, body } = request.into_inner();
        let mut violations = Violations::default();
        let provider = known::<PaymentProvider>(provider, "provider", &mut violations);
        violations.into_result()?;
        let provider = provider.ok_or(Error::NotFound("provider"))?;
        self.commands.notice(provider, &headers, &body).await?;
        Ok(Response::new(ReceiveNoticeResponse {}))
    }
}

impl From<Order> for v1::Order {
    fn from(order: Order) -> Self {
        let price = order.item.price;
        Self {
            id: order.id,
            product_id: order.item.product_id,
            product_version: order.item.version,
            kind: order.item.kind.into(),
            name: order.item.name,
            tokens: order.item.tokens,
            price: Some(Price { currency: price.currency, amount: price.amount }),
            provider: order.provider.into(),
            state: order.state.into(),
            refunded: order.refunded,
            failure: order.failure,
            created_at: Some(order.created_at.into()),
            updated_at: Some(order.updated_at.into()),
            expires_at: Some(order.expires_at.into()),
            history: Vec::new(),
            user_id: None,
            subscription_id: order.subscription_id,
        }
    }
}

impl From<Checkout> for v1::Checkout {
    fn from(checkout: Checkout) -> Self {
        let Checkout { url, client_key, client_secret, .. } = checkout;
        Self { url, client_key, client_secret }
    }
}
