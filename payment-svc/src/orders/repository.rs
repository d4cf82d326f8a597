//! Where orders and refunds are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::proto::v1::{OrderState, PaymentProvider, ProductKind};
use shared::time::Timestamp;

use super::domain::{Item, Money, Order};
use super::entity::{self, refund, transition};
use super::refunds::{Refund, RefundState};
use crate::providers::Notice;

/// What commands need of the place where orders are kept.
pub trait Orders {
    /// An order that nobody else changes, nor its refunds, until the end of the transaction.
    fn order_for_change(&self, id: &str) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    /// Adds an order; false when its id is taken.
    fn insert_order(&self, order: &Order) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed order, and the state that it came to from `before`.
    fn save_order(&self, order: &Order, before: OrderState)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// A refund.
    fn refund(&self, id: &str) -> impl Future<Output = Result<Option<Refund>, Error>> + Send;

    /// How much is asked to be given back of an order, and was not answered yet.
    fn refunds_under_way(&self, order_id: &str) -> impl Future<Output = Result<i64, Error>> + Send;

    /// Adds a refund; false when its id is taken.
    fn insert_refund(&self, refund: &Refund) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed refund.
    fn save_refund(&self, refund: &Refund) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Orders for Transaction {
    async fn order_for_change(&self, id: &str) -> Result<Option<Order>, Error> {
        let row = entity::Entity::find_by_id(id).lock_exclusive().one(&**self).await?;
        row.map(Order::try_from).transpose()
    }

    async fn insert_order(&self, order: &Order) -> Result<bool, Error> {
        let taken = OnConflict::column(entity::Column::Id).do_nothing().to_owned();
        let insert = entity::Entity::insert(row_of(order)).on_conflict(taken);
        if insert.exec_without_returning(&**self).await? == 0 {
            return Ok(false);
        }
        insert_transition(self, order, 1).await?;
        Ok(true)
    }

    async fn save_order(&self, order: &Order, before: OrderState) -> Result<(), Error> {
        entity::Entity::update(row_of(order)).exec_without_returning(&**self).await?;
        if order.state == before {
            return Ok(());
        }
        // Whoever changes an order has locked it, so nobody else counts now.
        let of_order = transition::Entity::find().filter(transition::Column::OrderId.eq(&order.id));
        let known = of_order.count(&**self).await?;
        insert_transition(self, order, i32::try_from(known + 1).map_err(Error::internal)?).await
    }

    async fn refund(&self, id: &str) -> Result<Option<Refund>, Error> {
        refund::Entity::find_by_id(id).one(&**self).await?.map(Refund::try_from).transpose()
    }

    async fn refunds_under_way(&self, order_id: &str) -> Result<i64, Error> {
        let of_order = refund::Entity::find().filter(refund::Column::OrderId.eq(order_id));
        let requested = of_order.filter(refund::Column::State.eq(RefundState::Requested.name()));
        Ok(requested.all(&**self).await?.iter().map(|row| row.amount).sum())
    }

    async fn insert_refund(&self, refund: &Refund) -> Result<bool, Error> {
        let taken = OnConflict::column(refund::Column::Id).do_nothing().to_owned();
        let insert = refund::Entity::insert(refund_row(refund)).on_conflict(taken);
        Ok(insert.exec_without_returning(&**self).await? == 1)
    }

    async fn save_refund(&self, refund: &Refund) -> Result<(), Error> {
        refund::Entity::update(refund_row(refund)).exec_without_returning(&**self).await?;
        Ok(())
    }
}

async fn insert_transition(transaction: &Transaction, order: &Order, number: i32) -> Result<(), Error> {
    let row = transition::Model {
        order_id: order.id.clone(),
        number,
        state: order.state.as_str_name().to_owned(),
        at: order.updated_at,
    };
    transition::Entity::insert(row.into_active_model()).exec_without_returning(&**transaction).await?;
    Ok(())
}

/// An order as it is now.
///
/// # Errors
/// When the database does not answer.
pub async fn find(connection: &impl ConnectionTrait, id: &str) -> Result<Option<Order>, Error> {
    entity::Entity::find_by_id(id).one(connection).await?.map(Order::try_from).transpose()
}

/// The order that a notice of a provider is about.
///
/// # Errors
/// When the database does not answer.
pub async fn told(
    connection: &impl ConnectionTrait,
    provider: PaymentProvider,
    notice: &Notice,
) -> Result<Option<Order>, Error> {
    if let Some(id) = &notice.order_id {
        return find(connection, id).await;
    }
    let Some(key) = &notice.payment_key else { return Ok(None) };
    let paid_by = entity::Entity::find()
        .filter(entity::Column::PaymentKey.eq(key))
        .filter(entity::Column::Provider.eq(provider.as_str_name()));
    paid_by.one(connection).await?.map(Order::try_from).transpose()
}

/// Every state that an order was in, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn history(
    connection: &impl ConnectionTrait,
    order_id: &str,
) -> Result<Vec<(OrderState, Timestamp)>, Error> {
    let rows = transition::Entity::find()
        .filter(transition::Column::OrderId.eq(order_id))
        .order_by_asc(transition::Column::Number)
        .all(connection)
        .await?;
    rows.into_iter().map(|row| Ok((stored(&row.state, OrderState::from_str_name)?, row.at))).collect()
}

/// Up to `limit` orders that it is time to ask the provider about.
///
/// # Errors
/// When the database does not answer.
pub async fn due(connection: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Order>, Error> {
    let due = entity::Entity::find().filter(entity::Column::LookAt.lte(now));
    let rows = due.order_by_asc(entity::Column::LookAt).limit(limit).all(connection).await?;
    rows.into_iter().map(Order::try_from).collect()
}

/// Takes an order that is due, so that no other instance asks about it until `until`; false when another one has it.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(
    connection: &impl ConnectionTrait,
    order: &Order,
    until: Timestamp,
) -> Result<bool, Error> {
    let claimed = entity::Entity::update_many()
        .col_expr(entity::Column::LookAt, until.into())
        .filter(entity::Column::Id.eq(&order.id))
        .filter(entity::Column::LookAt.eq(order.look_at))
        .exec(connection)
        .await?;
    Ok(claimed.rows_affected == 1)
}

/// Up to `limit` refunds that it is time to ask for again.
///
/// # Errors
/// When the database does not answer.
pub async fn refunds_due(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Refund>, Error> {
    let due = refund::Entity::find().filter(refund::Column::LookAt.lte(now));
    let rows = due.order_by_asc(refund::Column::LookAt).limit(limit).all(connection).await?;
    rows.into_iter().map(Refund::try_from).collect()
}

/// As [`claim`], of a refund.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_refund(
    connection: &impl ConnectionTrait,
    refund: &Refund,
    until: Timestamp,
) -> Result<bool, Error> {
    let claimed = refund::Entity::update_many()
        .col_expr(refund::Column::LookAt, until.into())
        .filter(refund::Column::Id.eq(&refund.id))
        .filter(refund::Column::LookAt.eq(refund.look_at))
        .exec(connection)
        .await?;
    Ok(claimed.rows_affected == 1)
}

impl TryFrom<entity::Model> for Order {
    type Error = Error;

    fn try_from(row: entity::Model) -> Result<Self, Error> {
        Ok(Self {
            item: Item {
                product_id: row.product_id,
                version: row.product_version,
                kind: stored(&row.kind, ProductKind::from_str_name)?,
                name: row.name,
                tokens: row.tokens,
                price: Money { currency: row.currency, amount: row.amount },
            },
            provider: stored(&row.provider, PaymentProvider::from_str_name)?,
            state: stored(&row.state, OrderState::from_str_name)?,
            id: row.id,
            customer_id: row.customer_id,
            payment_key: row.payment_key,
            captured: row.captured,
            refunded: row.refunded,
            tokens_granted: row.tokens_granted,
            tokens_revoked: row.tokens_revoked,
            failure: row.failure,
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
            look_at: row.look_at,
            subscription_id: row.subscription_id,
        })
    }
}

fn row_of(order: &Order) -> entity::ActiveModel {
    let Item { product_id, version, kind, name, tokens, price } = &order.item;
    entity::ActiveModel {
        id: Set(order.id.clone()),
        customer_id: Set(order.customer_id.clone()),
        product_id: Set(product_id.clone()),
        product_version: Set(*version),
        kind: Set(kind.as_str_name().to_owned()),
        name: Set(name.clone()),
        tokens: Set(*tokens),
        currency: Set(price.currency.clone()),
        amount: Set(price.amount),
        provider: Set(order.provider.as_str_name().to_owned()),
        payment_key: Set(order.payment_key.clone()),
        state: Set(order.state.as_str_name().to_owned()),
        captured: Set(order.captured),
        refunded: Set(order.refunded),
        tokens_granted: Set(order.tokens_granted),
        tokens_revoked: Set(order.tokens_revoked),
        failure: Set(order.failure.clone()),
        created_at: Set(order.created_at),
        updated_at: Set(order.updated_at),
        expires_at: Set(order.expires_at),
        look_at: Set(order.look_at),
        subscription_id: Set(order.subscription_id.clone()),
    }
}

impl TryFrom<refund::Model> for Refund {
    type Error = Error;

    fn try_from(row: refund::Model) -> Result<Self, Error> {
        Ok(Self {
            state: stored(&row.state, RefundState::of)?,
            id: row.id,
            order_id: row.order_id,
            amount: row.amount,
            reason: row.reason,
            requested_by: row.requested_by,
            created_at: row.created_at,
            look_at: row.look_at,
        })
    }
}

fn refund_row(refund: &Refund) -> refund::ActiveModel {
    refund::Model {
        id: refund.id.clone(),
        order_id: refund.order_id.clone(),
        amount: refund.amount,
        reason: refund.reason.clone(),
        requested_by: refund.requested_by.clone(),
        state: refund.state.name().to_owned(),
        created_at: refund.created_at,
        look_at: refund.look_at,
    }
    .into_active_model()
    .reset_all()
}
