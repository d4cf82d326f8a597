//! What is held of a user here.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use serde_json::json;
use shared::database::Database;
use shared::grpc::{Section, rows};

use crate::customers::entity as customer;
use crate::orders::entity as order;

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
    let orders = order::Entity::find().filter(order::Column::CustomerId.in_subquery(of_user));
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
            "createdAt": order.created_at.to_rfc3339(),
        })
    });
    vec![("customers", customers), ("orders", orders)]
}
