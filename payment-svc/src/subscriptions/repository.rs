//! Where subscriptions are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::proto::v1::{PaymentProvider, ProductKind, SubscriptionState};
use shared::time::Timestamp;

use super::domain::Subscription;
use super::entity::{ActiveModel, Column, Entity, Model};
use crate::orders::domain::{Item, Money};

/// What commands need of the place where subscriptions are kept.
pub trait Subscriptions {
    /// A subscription that nobody else changes until the end of the transaction.
    fn subscription_for_change(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Subscription>, Error>> + Send;

    /// The one of a customer that has not ended, for change.
    fn live_subscription_for_change(
        &self,
        customer_id: &str,
    ) -> impl Future<Output = Result<Option<Subscription>, Error>> + Send;

    /// Adds a subscription; false when the customer has another that has not ended.
    fn insert_subscription(
        &self,
        subscription: &Subscription,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed subscription.
    fn save_subscription(
        &self,
        subscription: &Subscription,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Subscriptions for Transaction {
    async fn subscription_for_change(&self, id: &str) -> Result<Option<Subscription>, Error> {
        let row = Entity::find_by_id(id).lock_exclusive().one(&**self).await?;
        row.map(Subscription::try_from).transpose()
    }

    async fn live_subscription_for_change(&self, customer_id: &str) -> Result<Option<Subscription>, Error> {
        let row = live_of(customer_id).lock_exclusive().one(&**self).await?;
        row.map(Subscription::try_from).transpose()
    }

    async fn insert_subscription(&self, subscription: &Subscription) -> Result<bool, Error> {
        let taken = OnConflict::new().do_nothing().to_owned();
        let insert = Entity::insert(row_of(subscription)?).on_conflict(taken);
        Ok(insert.exec_without_returning(&**self).await? == 1)
    }

    async fn save_subscription(&self, subscription: &Subscription) -> Result<(), Error> {
        Entity::update(row_of(subscription)?).exec_without_returning(&**self).await?;
        Ok(())
    }
}

/// A subscription as it is now.
///
/// # Errors
/// When the database does not answer.
pub async fn find(connection: &impl ConnectionTrait, id: &str) -> Result<Option<Subscription>, Error> {
    Entity::find_by_id(id).one(connection).await?.map(Subscription::try_from).transpose()
}

/// Whether a customer has one that has not ended.
///
/// # Errors
/// When the database does not answer.
pub async fn has_live(connection: &impl ConnectionTrait, customer_id: &str) -> Result<bool, Error> {
    Ok(live_of(customer_id).one(connection).await?.is_some())
}

/// Up to `limit` subscriptions that it is time to look at.
///
/// # Errors
/// When the database does not answer.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<String>, Error> {
    let due = Entity::find().select_only().column(Column::Id).filter(Column::DueAt.lte(now));
    Ok(due.order_by_asc(Column::DueAt).limit(limit).into_tuple().all(connection).await?)
}

fn live_of(customer_id: &str) -> Select<Entity> {
    Entity::find().filter(Column::CustomerId.eq(customer_id)).filter(Column::EndedAt.is_null())
}

impl TryFrom<Model> for Subscription {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            item: Item {
                product_id: row.product_id,
                version: row.product_version,
                kind: ProductKind::MonthlyPass,
                name: row.name,
                tokens: row.allowance,
                price: Money { currency: row.currency, amount: row.amount },
            },
            provider: stored(&row.provider, PaymentProvider::from_str_name)?,
            state: stored(&row.state, SubscriptionState::from_str_name)?,
            period: u32::try_from(row.period).map_err(Error::internal)?,
            attempts: u32::try_from(row.attempts).map_err(Error::internal)?,
            id: row.id,
            customer_id: row.customer_id,
            billing_key: row.billing_key,
            order_id: row.order_id,
            began_at: row.began_at,
            due_at: row.due_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        })
    }
}

fn row_of(subscription: &Subscription) -> Result<ActiveModel, Error> {
    let Item { product_id, version, kind: _, name, tokens, price } = &subscription.item;
    Ok(ActiveModel {
        id: Set(subscription.id.clone()),
        customer_id: Set(subscription.customer_id.clone()),
        product_id: Set(product_id.clone()),
        product_version: Set(*version),
        name: Set(name.clone()),
        allowance: Set(*tokens),
        currency: Set(price.currency.clone()),
        amount: Set(price.amount),
        provider: Set(subscription.provider.as_str_name().to_owned()),
        billing_key: Set(subscription.billing_key.clone()),
        state: Set(subscription.state.as_str_name().to_owned()),
        period: Set(i32::try_from(subscription.period).map_err(Error::internal)?),
        order_id: Set(subscription.order_id.clone()),
        began_at: Set(subscription.began_at),
        attempts: Set(i32::try_from(subscription.attempts).map_err(Error::internal)?),
        due_at: Set(subscription.due_at),
        updated_at: Set(subscription.updated_at),
        ended_at: Set(subscription.ended_at),
    })
}
