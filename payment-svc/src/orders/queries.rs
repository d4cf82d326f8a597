//! Reading orders.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};
use shared::proto::v1::OrderState;
use shared::time::Timestamp;

use super::domain::Order;
use super::entity::{Column, Entity};
use super::repository::{find, history};
use crate::customers;
use crate::customers::domain::{Customer, UserHash};
use crate::customers::queries::owner;

/// Reads orders.
pub struct OrderQueries {
    database: Database,
}

/// Which orders are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub user_id: Option<String>,
    pub state: Option<OrderState>,
    pub product_id: Option<String>,
}

/// An order with what is only told of one.
pub struct OrderDetails {
    pub order: Order,
    /// Every state that it was in, oldest first.
    pub history: Vec<(OrderState, Timestamp)>,
    /// Whose it is, unless the user was erased.
    pub user_id: Option<String>,
}

impl OrderQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// An order that the caller may see.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's.
    pub async fn get(&self, caller: &Caller, id: &str) -> Result<OrderDetails, Error> {
        let read = self.database.read();
        let (order, customer) = check_owner(read, caller, id).await?;
        let user_id = customer.user_id().map(str::to_owned);
        Ok(OrderDetails { history: history(read, id).await?, user_id, order })
    }

    /// Orders, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, filter: OrderFilter, page: Page<(i64, String)>) -> Result<Listed<Order>, Error> {
        let read = self.database.read();
        let mut orders = Entity::find();
        if let Some(user_id) = filter.user_id {
            let customer = customers::repository::find(read, &UserHash::of(&user_id)).await?;
            let Some(customer) = customer else { return Ok(Listed::none()) };
            orders = orders.filter(Column::CustomerId.eq(customer.id));
        }
        if let Some(state) = filter.state {
            orders = orders.filter(Column::State.eq(state.as_str_name()));
        }
        if let Some(product_id) = filter.product_id {
            orders = orders.filter(Column::ProductId.eq(product_id));
        }
        let mut orders = orders.cursor_by((Column::CreatedAt, Column::Id));
        let rows = page.seek(orders.desc()).all(read).await?;
        let orders = rows.into_iter().map(Order::try_from).collect::<Result<_, _>>()?;
        page.cut(orders, |order: &Order| (order.created_at.as_micros(), order.id.clone()))
    }
}

/// An order and whose it is, if the caller may see it.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn check_owner(
    connection: &impl ConnectionTrait,
    caller: &Caller,
    id: &str,
) -> Result<(Order, Customer), Error> {
    let order = find(connection, id).await?.ok_or(Error::NotFound("order"))?;
    let customer = owner(connection, caller, &order.customer_id, "order").await?;
    Ok((order, customer))
}
