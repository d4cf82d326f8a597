//! Reading subscriptions.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};
use shared::proto::v1::SubscriptionState;

use super::domain::Subscription;
use super::entity::{Column, Entity};
use super::repository::find;
use crate::customers;
use crate::customers::domain::{Customer, UserHash};
use crate::customers::queries::owner;

/// Reads subscriptions.
pub struct SubscriptionQueries {
    database: Database,
}

/// Which subscriptions are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    pub user_id: Option<String>,
    pub state: Option<SubscriptionState>,
}

impl SubscriptionQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// A subscription that the caller may see, and whose it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's.
    pub async fn get(&self, caller: &Caller, id: &str) -> Result<(Subscription, Customer), Error> {
        check_owner(self.database.read(), caller, id).await
    }

    /// Subscriptions, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(
        &self,
        filter: SubscriptionFilter,
        page: Page<(i64, String)>,
    ) -> Result<Listed<Subscription>, Error> {
        let read = self.database.read();
        let mut all = Entity::find();
        if let Some(user_id) = filter.user_id {
            let customer = customers::repository::find(read, &UserHash::of(&user_id)).await?;
            let Some(customer) = customer else { return Ok(Listed::none()) };
            all = all.filter(Column::CustomerId.eq(customer.id));
        }
        if let Some(state) = filter.state {
            all = all.filter(Column::State.eq(state.as_str_name()));
        }
        let mut all = all.cursor_by((Column::BeganAt, Column::Id));
        let rows = page.seek(all.desc()).all(read).await?;
        let subscriptions = rows.into_iter().map(Subscription::try_from).collect::<Result<_, _>>()?;
        page.cut(subscriptions, |one: &Subscription| (one.began_at.as_micros(), one.id.clone()))
    }
}

/// A subscription and whose it is, if the caller may see it.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn check_owner(
    connection: &impl ConnectionTrait,
    caller: &Caller,
    id: &str,
) -> Result<(Subscription, Customer), Error> {
    const WHAT: &str = "subscription";
    let subscription = find(connection, id).await?.ok_or(Error::NotFound(WHAT))?;
    let customer = owner(connection, caller, &subscription.customer_id, WHAT).await?;
    Ok((subscription, customer))
}
