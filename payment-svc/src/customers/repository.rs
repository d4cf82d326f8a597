//! Where customers are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QuerySelect, Select};
use shared::Error;
use shared::database::Transaction;

use super::domain::{Customer, CustomerState, UserHash};
use super::entity::{ActiveModel, Column, Entity, Model};

/// What commands need of the place where customers are kept.
pub trait Customers {
    /// The customer, anonymized or not, whom nobody else changes until the end of the transaction.
    fn customer_for_change(
        &self,
        user_hash: &UserHash,
    ) -> impl Future<Output = Result<Option<Customer>, Error>> + Send;

    /// A customer that something belongs to.
    fn customer(&self, id: &str) -> impl Future<Output = Result<Customer, Error>> + Send;

    /// Adds a customer; false when the user has one.
    fn insert_customer(&self, customer: &Customer) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed customer.
    fn save_customer(&self, customer: &Customer) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Customers for Transaction {
    async fn customer_for_change(&self, user_hash: &UserHash) -> Result<Option<Customer>, Error> {
        let row = of_user(user_hash).lock_exclusive().one(&**self).await?;
        row.map(Customer::try_from).transpose()
    }

    async fn customer(&self, id: &str) -> Result<Customer, Error> {
        by_id(&**self, id).await
    }

    async fn insert_customer(&self, customer: &Customer) -> Result<bool, Error> {
        // Id and hash of a user conflict together, and either may be found first.
        let known = OnConflict::new().do_nothing().to_owned();
        let inserted =
            Entity::insert(row_of(customer)).on_conflict(known).exec_without_returning(&**self).await?;
        Ok(inserted == 1)
    }

    async fn save_customer(&self, customer: &Customer) -> Result<(), Error> {
        Entity::update(row_of(customer)).exec_without_returning(&**self).await?;
        Ok(())
    }
}

/// The customer of the user with this hash, anonymized or not.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    connection: &impl ConnectionTrait,
    user_hash: &UserHash,
) -> Result<Option<Customer>, Error> {
    of_user(user_hash).one(connection).await?.map(Customer::try_from).transpose()
}

/// The customer that something belongs to.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(connection: &impl ConnectionTrait, id: &str) -> Result<Customer, Error> {
    let row = Entity::find_by_id(id).one(connection).await?;
    row.ok_or_else(|| Error::internal("something belongs to nobody"))?.try_into()
}

fn of_user(user_hash: &UserHash) -> Select<Entity> {
    Entity::find().filter(Column::UserHash.eq(user_hash.as_str()))
}

impl TryFrom<Model> for Customer {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let state = match (row.user_id, row.anonymized_at) {
            (Some(user_id), None) => CustomerState::Active { user_id },
            (None, Some(at)) => CustomerState::Anonymized { at },
            _ => return Err(Error::internal("a customer's row is half anonymized")),
        };
        let user_hash = UserHash::stored(row.user_hash);
        Ok(Self { id: row.id, user_hash, state, created_at: row.created_at })
    }
}

fn row_of(customer: &Customer) -> ActiveModel {
    ActiveModel {
        id: Set(customer.id.clone()),
        user_id: Set(customer.user_id().map(str::to_owned)),
        user_hash: Set(customer.user_hash.as_str().to_owned()),
        created_at: Set(customer.created_at),
        anonymized_at: Set(customer.anonymized_at()),
    }
}
