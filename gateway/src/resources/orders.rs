//! Buying: orders of the caller, and what admins do with everybody's.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::products::{Price, ProductKind};
use super::subscriptions::PayerQuery;
use crate::App;
use crate::dto::{self, api_enum, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, Params, PathIds, check_ids};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// How an order stands.
    OrderState {
        Created = "ORDER_STATE_CREATED",
        Pending = "ORDER_STATE_PENDING",
        Paid = "ORDER_STATE_PAID",
        PartiallyRefunded = "ORDER_STATE_PARTIALLY_REFUNDED",
        Refunded = "ORDER_STATE_REFUNDED",
        Failed = "ORDER_STATE_FAILED",
        Canceled = "ORDER_STATE_CANCELED",
        Expired = "ORDER_STATE_EXPIRED",
    }
}

api_enum! {
    /// Who collects the money.
    PaymentProvider {
        Sandbox = "PAYMENT_PROVIDER_SANDBOX",
        Toss = "PAYMENT_PROVIDER_TOSS",
        Stripe = "PAYMENT_PROVIDER_STRIPE",
    }
}

/// Something that somebody buys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    id: String,
    product_id: String,
    /// The version of the product that was ordered: name, tokens and price are those of then.
    product_version: i32,
    kind: ProductKind,
    name: String,
    tokens: i32,
    price: Price,
    provider: PaymentProvider,
    state: OrderState,
    /// What was given back, in minor units of the price's currency.
    refunded: i64,
    /// Why the provider declined, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC.
    updated_at: String,
    /// Until when it can be paid. RFC 3339, UTC.
    expires_at: String,
    /// Every state that it was in, oldest first; told of one order alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<OrderTransition>,
    /// Whose it is; admins see it, unless the user was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// The subscription that it pays a month of, once that has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
}

/// A state that an order came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderTransition {
    state: OrderState,
    /// RFC 3339, UTC.
    at: String,
}

/// Where and how it is paid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkout {
    /// A page of the provider, where the browser goes.
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    /// What the provider's own library is set up with, where there is no such page.
    #[serde(skip_serializing_if = "String::is_empty")]
    client_key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    client_secret: String,
}

impl TryFrom<v1::Order> for Order {
    type Error = ApiError;

    fn try_from(order: v1::Order) -> Result<Self, ApiError> {
        Ok(Self {
            kind: promised(ProductKind::of(order.kind), "kind")?,
            provider: promised(PaymentProvider::of(order.provider), "provider")?,
            state: promised(OrderState::of(order.state), "state")?,
            price: promised(order.price, "price")?.into(),
            created_at: rfc3339(promised(order.created_at, "created_at")?),
            updated_at: rfc3339(promised(order.updated_at, "updated_at")?),
            expires_at: rfc3339(promised(order.expires_at, "expires_at")?),
            history: dto::all(order.history)?,
            id: order.id,
            product_id: order.product_id,
            product_version: order.product_version,
            name: order.name,
            tokens: order.tokens,
            refunded: order.refunded,
            failure: order.failure,
            user_id: order.user_id,
            subscription_id: order.subscription_id,
        })
    }
}

impl TryFrom<v1::OrderTransition> for OrderTransition {
    type Error = ApiError;

    fn try_from(transition: v1::OrderTransition) -> Result<Self, ApiError> {
        let state = promised(OrderState::of(transition.state), "state")?;
        Ok(Self { state, at: rfc3339(promised(transition.at, "at")?) })
    }
}

/// One order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderData {
    order: Order,
}

impl OrderData {
    fn of(order: Option<v1::Order>) -> Result<Self, ApiError> {
        Ok(Self { order: promised(order, "order")?.try_into()? })
    }
}

/// An order, and where to pay it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedOrder {
    order: Order,
    /// Absent once the order has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout: Option<Checkout>,
}

/// Orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    orders: Vec<Order>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of an order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrderId {
    #[serde(rename = "order-id")]
    order_id: String,
}

impl PathIds for OrderId {}

/// What is to be ordered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrder {
    #[schema(format = Uuid)]
    product_id: String,
    /// ISO 4217; one that the product has a price in.
    #[schema(min_length = 3, max_length = 3, example = "KRW")]
    currency: String,
    /// Where the browser goes afterwards, with `orderId` and `paymentKey` in the query: a page of an origin that is
    /// registered for sign-in.
    #[schema(max_length = 2000)]
    return_url: Option<String>,
}

/// Orders one product at the price of now; a pass is then renewed each month, until its subscription is canceled. `Idempotency-Key` is required: a repeat finds the order that is there.
#[utoipa::path(
    post,
    path = "/payments/orders",
    tag = "payments",
    params(IdempotencyKey),
    request_body = CreateOrder,
    responses((status = 201, body = Envelope<CreatedOrder>), Errors)
)]
pub async fn create_order(
    State(app): State<Arc<App>>,
    session: Session,
    key: IdempotencyKey,
    Body(body): Body<CreateOrder>,
) -> Answer<CreatedOrder> {
    key.require()?;
    check_ids([("productId", Some(&body.product_id))])?;
    if let Some(url) = &body.return_url {
        app.sign_in.check_redirect("returnUrl", url)?;
    }
    let order_id = id_for(&app.upstream, &session, &key, Operation::CreateOrder, &body).await?;
    let CreateOrder { product_id, currency, return_url } = body;
    let request = v1::CreateOrderRequest { order_id, product_id, currency, return_url };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.orders().create_order(request).await?.into_inner();
    let checkout = answer.checkout.map(|v1::Checkout { url, client_key, client_secret }| Checkout {
        url,
        client_key,
        client_secret,
    });
    Ok(Success::created(CreatedOrder { order: promised(answer.order, "order")?.try_into()?, checkout }))
}

/// One of the caller's orders; for admins, anybody's.
#[utoipa::path(
    get,
    path = "/payments/orders/{order-id}",
    tag = "payments",
    params(OrderId),
    responses((status = 200, body = Envelope<OrderData>), Errors)
)]
pub async fn get_order(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(OrderId { order_id }): Ids<OrderId>,
) -> Answer<OrderData> {
    let request = app.upstream.request(session.caller(), v1::GetOrderRequest { order_id });
    Ok(Success::ok(OrderData::of(app.upstream.orders().get_order(request).await?.into_inner().order)?))
}

/// What the payer's browser has brought back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmOrder {
    /// The `paymentKey` that the provider told it, where it tells one.
    #[schema(min_length = 1, max_length = 200)]
    payment_key: Option<String>,
}

/// Collects what the payer has agreed to. Whether the provider has declined is told by the order's state.
#[utoipa::path(
    post,
    path = "/payments/orders/{order-id}/confirm",
    tag = "payments",
    params(OrderId),
    request_body = ConfirmOrder,
    responses((status = 200, body = Envelope<OrderData>), Errors)
)]
pub async fn confirm_order(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(OrderId { order_id }): Ids<OrderId>,
    Body(ConfirmOrder { payment_key }): Body<ConfirmOrder>,
) -> Answer<OrderData> {
    let request = app.upstream.request(session.caller(), v1::ConfirmOrderRequest { order_id, payment_key });
    Ok(Success::ok(OrderData::of(app.upstream.orders().confirm_order(request).await?.into_inner().order)?))
}

/// Ends an order before it is paid.
#[utoipa::path(
    post,
    path = "/payments/orders/{order-id}/cancel",
    tag = "payments",
    params(OrderId),
    responses((status = 200, body = Envelope<OrderData>), Errors)
)]
pub async fn cancel_order(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(OrderId { order_id }): Ids<OrderId>,
) -> Answer<OrderData> {
    let request = app.upstream.request(session.caller(), v1::CancelOrderRequest { order_id });
    Ok(Success::ok(OrderData::of(app.upstream.orders().cancel_order(request).await?.into_inner().order)?))
}

/// Which orders are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// Those in this state.
    state: Option<OrderState>,
    /// Those of this product.
    product_id: Option<String>,
}

/// The caller's orders, newest first.
#[utoipa::path(
    get,
    path = "/payments/orders",
    tag = "payments",
    params(OrderQuery, PageQuery),
    responses((status = 200, body = Envelope<Orders>), Errors)
)]
pub async fn list_orders(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<OrderQuery>,
    page: PageQuery,
) -> Answer<Orders> {
    let user_id = Some(session.user_id.clone());
    listed(&app, &session, user_id, query, page).await
}

/// Everybody's orders, newest first.
#[utoipa::path(
    get,
    path = "/payments/orders",
    tag = "payments",
    operation_id = "search_orders",
    params(PayerQuery, OrderQuery, PageQuery),
    responses((status = 200, body = Envelope<Orders>), Errors)
)]
pub async fn search_orders(
    State(app): State<Arc<App>>,
    session: Session,
    Params(payer): Params<PayerQuery>,
    Params(query): Params<OrderQuery>,
    page: PageQuery,
) -> Answer<Orders> {
    listed(&app, &session, payer.user_id()?, query, page).await
}

async fn listed(
    app: &App,
    session: &Session,
    user_id: Option<String>,
    OrderQuery { state, product_id }: OrderQuery,
    page: PageQuery,
) -> Answer<Orders> {
    check_ids([("productId", product_id.as_ref())])?;
    let state = state.map_or(0, i32::from);
    let request = v1::ListOrdersRequest { page: page.request(), user_id, state, product_id };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.orders().list_orders(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Orders { orders: dto::all(answer.orders)?, next_cursor }))
}

/// What is to be given back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RefundOrder {
    /// In minor units of the price's currency; left out: all that is left.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    amount: Option<i64>,
    /// The payer may see it.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Gives a payment, or a part of it, back. Its share of the tokens is taken back, as far as they are not spent.
/// `Idempotency-Key` is required: a repeat gives nothing back again.
#[utoipa::path(
    post,
    path = "/payments/orders/{order-id}/refund",
    tag = "payments",
    params(OrderId, IdempotencyKey),
    request_body = RefundOrder,
    responses((status = 200, body = Envelope<OrderData>), Errors)
)]
pub async fn refund_order(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(OrderId { order_id }): Ids<OrderId>,
    key: IdempotencyKey,
    Body(body): Body<RefundOrder>,
) -> Answer<OrderData> {
    key.require()?;
    let asked = (&order_id, &body);
    let refund_id = id_for(&app.upstream, &session, &key, Operation::RefundOrder, &asked).await?;
    let RefundOrder { amount, reason } = body;
    let request = v1::RefundOrderRequest { order_id, refund_id, amount, reason };
    let request = app.upstream.request(session.caller(), request);
    Ok(Success::ok(OrderData::of(app.upstream.orders().refund_order(request).await?.into_inner().order)?))
}
