//! `SubscriptionService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::{check_id, check_ids};
use shared::labels::known;
use shared::page::{Listed, Page};
use shared::proto::v1::subscription_service_server::SubscriptionService;
use shared::proto::v1::{
    self, CancelSubscriptionRequest, CancelSubscriptionResponse, GetSubscriptionRequest,
    GetSubscriptionResponse, ListSubscriptionsRequest, ListSubscriptionsResponse, Price,
    ResumeSubscriptionRequest, ResumeSubscriptionResponse, SubscriptionState,
};
use shared::time::Clock;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::SubscriptionCommands;
use super::domain::Subscription;
use super::queries::{SubscriptionFilter, SubscriptionQueries};
use crate::customers::queries::whose;

/// Answers `SubscriptionService`.
pub struct SubscriptionGrpc {
    commands: SubscriptionCommands,
    queries: SubscriptionQueries,
}

impl SubscriptionGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: SubscriptionCommands::new(database.clone(), clock.clone()),
            queries: SubscriptionQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl SubscriptionService for SubscriptionGrpc {
    async fn get_subscription(
        &self,
        request: Request<GetSubscriptionRequest>,
    ) -> Result<Response<GetSubscriptionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (subscription, customer) =
            self.queries.get(&caller, &request.into_inner().subscription_id).await?;
        let user_id = customer.user_id().filter(|_| caller.is_admin()).map(str::to_owned);
        let subscription = v1::Subscription { user_id, ..message(subscription)? };
        Ok(Response::new(GetSubscriptionResponse { subscription: Some(subscription) }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(request.page, &mut violations);
        let state = match request.state {
            0 => None,
            number => known::<SubscriptionState>(number, "state", &mut violations),
        };
        if let Some(id) = &request.user_id {
            check_id("user_id", id, &mut violations);
        }
        violations.into_result()?;
        let filter = SubscriptionFilter { user_id: whose(&caller, request.user_id)?, state };
        let Listed { items, next_cursor } = self.queries.list(filter, page).await?;
        let subscriptions = items.into_iter().map(message).collect::<Result<_, _>>()?;
        Ok(Response::new(ListSubscriptionsResponse { subscriptions, next_cursor }))
    }

    async fn cancel_subscription(
        &self,
        request: Request<CancelSubscriptionRequest>,
    ) -> Result<Response<CancelSubscriptionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let CancelSubscriptionRequest { subscription_id } = request.into_inner();
        check_ids(&[("subscription_id", &subscription_id)])?;
        let subscription = Some(message(self.commands.cancel(&caller, &subscription_id).await?)?);
        Ok(Response::new(CancelSubscriptionResponse { subscription }))
    }

    async fn resume_subscription(
        &self,
        request: Request<ResumeSubscriptionRequest>,
    ) -> Result<Response<ResumeSubscriptionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ResumeSubscriptionRequest { subscription_id } = request.into_inner();
        check_ids(&[("subscription_id", &subscription_id)])?;
        let subscription = Some(message(self.commands.resume(&caller, &subscription_id).await?)?);
        Ok(Response::new(ResumeSubscriptionResponse { subscription }))
    }
}

fn message(subscription: Subscription) -> Result<v1::Subscription, Error> {
    Ok(v1::Subscription {
        provider: subscription.provider.into(),
        state: subscription.state.into(),
        period: i32::try_from(subscription.period).map_err(Error::internal)?,
        period_started_at: Some(subscription.period_started_at().into()),
        period_ends_at: Some(subscription.period_ends_at().into()),
        created_at: Some(subscription.began_at.into()),
        updated_at: Some(subscription.updated_at.into()),
        ended_at: subscription.ended_at.map(Into::into),
        id: subscription.id,
        product_id: subscription.item.product_id,
        product_version: subscription.item.version,
        name: subscription.item.name,
        allowance: subscription.item.tokens,
        price: Some(Price {
            currency: subscription.item.price.currency,
            amount: subscription.item.price.amount,
        }),
        user_id: None,
    })
}
