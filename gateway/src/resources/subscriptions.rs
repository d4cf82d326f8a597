//! Monthly passes: the caller's, and what admins see of everybody's.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::orders::PaymentProvider;
use super::products::Price;
use crate::App;
use crate::dto::{self, api_enum, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Ids, PageQuery, Params, PathIds, check_ids};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// How a pass stands.
    SubscriptionState {
        Active = "SUBSCRIPTION_STATE_ACTIVE",
        Canceling = "SUBSCRIPTION_STATE_CANCELING",
        PastDue = "SUBSCRIPTION_STATE_PAST_DUE",
        Canceled = "SUBSCRIPTION_STATE_CANCELED",
        Lapsed = "SUBSCRIPTION_STATE_LAPSED",
    }
}

/// A pass that is paid month by month.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    id: String,
    product_id: String,
    /// The version of the product that was subscribed to: name, allowance and price stay those of then.
    product_version: i32,
    name: String,
    /// Message tokens in each six hours.
    allowance: i32,
    /// Of each month.
    price: Price,
    provider: PaymentProvider,
    /// `CANCELING`: good until the month ends, and not renewed then. `PAST_DUE`: the last renewal was declined and is tried
    /// again, the pass stays good meanwhile. `CANCELED` and `LAPSED` are the end.
    state: SubscriptionState,
    /// Counts the months that were paid, from 1.
    period: i32,
    /// RFC 3339, UTC.
    period_started_at: String,
    /// When the next month is charged, unless it was canceled. RFC 3339, UTC.
    period_ends_at: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC.
    updated_at: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// Whose it is; admins see it of one subscription, unless the user was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

impl TryFrom<v1::Subscription> for Subscription {
    type Error = ApiError;

    fn try_from(subscription: v1::Subscription) -> Result<Self, ApiError> {
        let time = |at, name| promised(at, name).map(rfc3339);
        Ok(Self {
            price: promised(subscription.price, "price")?.into(),
            provider: promised(PaymentProvider::of(subscription.provider), "provider")?,
            state: promised(SubscriptionState::of(subscription.state), "state")?,
            period_started_at: time(subscription.period_started_at, "period_started_at")?,
            period_ends_at: time(subscription.period_ends_at, "period_ends_at")?,
            created_at: time(subscription.created_at, "created_at")?,
            updated_at: time(subscription.updated_at, "updated_at")?,
            ended_at: subscription.ended_at.map(rfc3339),
            id: subscription.id,
            product_id: subscription.product_id,
            product_version: subscription.product_version,
            name: subscription.name,
            allowance: subscription.allowance,
            period: subscription.period,
            user_id: subscription.user_id,
        })
    }
}

/// One subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionData {
    subscription: Subscription,
}

impl SubscriptionData {
    fn of(subscription: Option<v1::Subscription>) -> Answer<Self> {
        let subscription = promised(subscription, "subscription")?.try_into()?;
        Ok(Success::ok(Self { subscription }))
    }
}

/// Subscriptions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscriptions {
    subscriptions: Vec<Subscription>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a subscription.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SubscriptionId {
    #[serde(rename = "subscription-id")]
    subscription_id: String,
}

impl PathIds for SubscriptionId {}

/// One of the caller's subscriptions; for admins, anybody's.
#[utoipa::path(
    get,
    path = "/payments/subscriptions/{subscription-id}",
    tag = "payments",
    params(SubscriptionId),
    responses((status = 200, body = Envelope<SubscriptionData>), Errors)
)]
pub async fn get_subscription(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(SubscriptionId { subscription_id }): Ids<SubscriptionId>,
) -> Answer<SubscriptionData> {
    let request = v1::GetSubscriptionRequest { subscription_id };
    let request = app.upstream.request(session.caller(), request);
    SubscriptionData::of(
        app.upstream.subscriptions().get_subscription(request).await?.into_inner().subscription,
    )
}

/// Ends a subscription with the month that is paid, or at once when none is. It is not charged again.
#[utoipa::path(
    post,
    path = "/payments/subscriptions/{subscription-id}/cancel",
    tag = "payments",
    params(SubscriptionId),
    responses((status = 200, body = Envelope<SubscriptionData>), Errors)
)]
pub async fn cancel_subscription(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(SubscriptionId { subscription_id }): Ids<SubscriptionId>,
) -> Answer<SubscriptionData> {
    let request = v1::CancelSubscriptionRequest { subscription_id };
    let request = app.upstream.request(session.caller(), request);
    SubscriptionData::of(
        app.upstream.subscriptions().cancel_subscription(request).await?.into_inner().subscription,
    )
}

/// Takes a cancellation back, before the month has ended.
#[utoipa::path(
    post,
    path = "/payments/subscriptions/{subscription-id}/resume",
    tag = "payments",
    params(SubscriptionId),
    responses((status = 200, body = Envelope<SubscriptionData>), Errors)
)]
pub async fn resume_subscription(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(SubscriptionId { subscription_id }): Ids<SubscriptionId>,
) -> Answer<SubscriptionData> {
    let request = v1::ResumeSubscriptionRequest { subscription_id };
    let request = app.upstream.request(session.caller(), request);
    SubscriptionData::of(
        app.upstream.subscriptions().resume_subscription(request).await?.into_inner().subscription,
    )
}

/// Which subscriptions are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionQuery {
    /// Those in this state.
    state: Option<SubscriptionState>,
}

/// Whose payments an admin asks for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PayerQuery {
    /// Those of this user.
    user_id: Option<String>,
}

impl PayerQuery {
    /// The user, if the admin asks for one.
    ///
    /// # Errors
    /// When that is no id.
    pub fn user_id(self) -> Result<Option<String>, ApiError> {
        check_ids([("userId", self.user_id.as_ref())])?;
        Ok(self.user_id)
    }
}

/// The caller's subscriptions, newest first.
#[utoipa::path(
    get,
    path = "/payments/subscriptions",
    tag = "payments",
    params(SubscriptionQuery, PageQuery),
    responses((status = 200, body = Envelope<Subscriptions>), Errors)
)]
pub async fn list_subscriptions(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<SubscriptionQuery>,
    page: PageQuery,
) -> Answer<Subscriptions> {
    let user_id = Some(session.user_id.clone());
    listed(&app, &session, user_id, query, page).await
}

/// Everybody's subscriptions, newest first.
#[utoipa::path(
    get,
    path = "/payments/subscriptions",
    tag = "payments",
    operation_id = "search_subscriptions",
    params(PayerQuery, SubscriptionQuery, PageQuery),
    responses((status = 200, body = Envelope<Subscriptions>), Errors)
)]
pub async fn search_subscriptions(
    State(app): State<Arc<App>>,
    session: Session,
    Params(payer): Params<PayerQuery>,
    Params(query): Params<SubscriptionQuery>,
    page: PageQuery,
) -> Answer<Subscriptions> {
    listed(&app, &session, payer.user_id()?, query, page).await
}

async fn listed(
    app: &App,
    session: &Session,
    user_id: Option<String>,
    SubscriptionQuery { state }: SubscriptionQuery,
    page: PageQuery,
) -> Answer<Subscriptions> {
    let state = state.map_or(0, i32::from);
    let request = v1::ListSubscriptionsRequest { page: page.request(), user_id, state };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.subscriptions().list_subscriptions(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Subscriptions { subscriptions: dto::all(answer.subscriptions)?, next_cursor }))
}
