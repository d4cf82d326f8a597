//! What is held of a user here.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use serde_json::json;
use shared::database::Database;
use shared::grpc::{Section, rows};

use crate::customers::entity as customer;
use crate::orders::entity as order;
use crate::subscriptions::entity as subscription;

/// Every section, of one user.
pub fn sections(database: &Database, user_id: &str) -> Vec<Section> {
    let customers = customer::Entity::find().filter(customer::Column::UserId.eq(user_id));
    let customers = rows(
        database,
        customers,
        customer::Column::Id,
        |customer| json!({ "id": customer.id, "createdAt": customer.created_at.to_rfc3339() }),
    );
    let of_user = customer::Entity::find().select_only().column(customer::Column::Id);
    let of_user = of_user.filter(customer::Column::UserId.eq(user_id)).into_query();
    let orders = order::Entity::find().filter(order::Column::CustomerId.in_subquery(of_user.clone()));
    let orders = rows(database, orders, order::Column::Id, |order| {
        json!({
            "id": order.id,
            "productId": order.product_id,
            "name": order.name,
            "tokens": order.tokens,
            "currency": order.currency,
            "amount": order.amount,
            "provider": order.provider,
            "paymentKey": order.payment_key,
            "state": order.state,
            "refunded": order.refunded,
            "tokensRevoked": order.tokens_revoked,
            "subscriptionId": order.subscription_id,
            "createdAt": order.created_at.to_rfc3339(),
        })
    });
    let subscriptions =
        subscription::Entity::find().filter(subscription::Column::CustomerId.in_subquery(of_user));
    let subscriptions = rows(database, subscriptions, subscription::Column::Id, |subscription| {
        json!({
            "id": subscription.id,
            "productId": subscription.product_id,
            "name": subscription.name,
            "allowance": subscription.allowance,
            "currency": subscription.currency,
            "amount": subscription.amount,
            "provider": subscription.provider,
            "state": subscription.state,
            "period": subscription.period,
            "beganAt": subscription.began_at.to_rfc3339(),
            "endedAt": subscription.ended_at.map(|at| at.to_rfc3339()),
        })
    });
    vec![("customers", customers), ("orders", orders), ("subscriptions", subscriptions)]
}
