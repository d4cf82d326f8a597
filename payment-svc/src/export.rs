//! What is held of a user here.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use shared::database::Database;
use shared::grpc::{Section, rows};

use crate::customers::entity as customer;

/// Every section, of one user.
pub fn sections(database: &Database, user_id: &str) -> Vec<Section> {
    let customers = customer::Entity::find().filter(customer::Column::UserId.eq(user_id));
    let customers = rows(
        database,
        customers,
        customer::Column::Id,
        |customer| json!({ "id": customer.id, "createdAt": customer.created_at.to_rfc3339() }),
    );
    vec![("customers", customers)]
}
