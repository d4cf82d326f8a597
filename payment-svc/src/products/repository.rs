//! Where products are kept.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{IntoActiveModel, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::proto::v1::ProductKind;
use shared::time::Timestamp;

use super::domain::{Offer, Product};
use super::entity::{self, price, version};

/// What commands need of the place where products are kept.
pub trait Products {
    /// A product that nobody else changes until the end of the transaction.
    fn product_for_change(&self, id: &str) -> impl Future<Output = Result<Option<Product>, Error>> + Send;

    /// Adds a product; false when its id is taken.
    fn insert_product(&self, product: &Product) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed product, with the version that it is at now.
    fn save_product(&self, product: &Product) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Products for Transaction {
    async fn product_for_change(&self, id: &str) -> Result<Option<Product>, Error> {
        let Some(row) = entity::Entity::find_by_id(id).lock_exclusive().one(&**self).await? else {
            return Ok(None);
        };
        Ok(offered(&**self, vec![row]).await?.pop())
    }

    async fn insert_product(&self, product: &Product) -> Result<bool, Error> {
        let taken = OnConflict::column(entity::Column::Id).do_nothing().to_owned();
        let insert = entity::Entity::insert(row_of(product)).on_conflict(taken);
        if insert.exec_without_returning(&**self).await? == 0 {
            return Ok(false);
        }
        insert_version(self, product, product.created_at).await?;
        Ok(true)
    }

    async fn save_product(&self, product: &Product) -> Result<(), Error> {
        entity::Entity::update(row_of(product)).exec_without_returning(&**self).await?;
        insert_version(self, product, product.updated_at).await
    }
}

/// Keeps what a product offers now, unless that version is kept already.
async fn insert_version(transaction: &Transaction, product: &Product, now: Timestamp) -> Result<(), Error> {
    let Product { id, version, offer, .. } = product;
    let row = version::Model {
        product_id: id.clone(),
        version: *version,
        name: offer.name.clone(),
        description: offer.description.clone(),
        tokens: offer.tokens,
        created_at: now,
    };
    let known =
        OnConflict::columns([version::Column::ProductId, version::Column::Version]).do_nothing().to_owned();
    let insert = version::Entity::insert(row.into_active_model()).on_conflict(known);
    if insert.exec_without_returning(&**transaction).await? == 0 {
        return Ok(());
    }
    let prices = offer.prices.iter().map(|(currency, amount)| {
        let (product_id, currency) = (id.clone(), currency.clone());
        price::Model { product_id, version: *version, currency, amount: *amount }.into_active_model()
    });
    price::Entity::insert_many(prices).exec_without_returning(&**transaction).await?;
    Ok(())
}

/// Products with what they offer now: one query for each table, however many there are.
///
/// # Errors
/// When the database does not answer.
pub async fn offered(
    connection: &impl ConnectionTrait,
    rows: Vec<entity::Model>,
) -> Result<Vec<Product>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let current: Vec<_> = rows.iter().map(|row| (row.id.clone(), row.version)).collect();
    let versions = version::Entity::find()
        .filter(at(version::Column::ProductId, version::Column::Version, &current))
        .all(connection)
        .await?;
    let mut offers: HashMap<_, _> = versions
        .into_iter()
        .map(|row| {
            let version::Model { product_id, name, description, tokens, .. } = row;
            (product_id, Offer { name, description, tokens, prices: Default::default() })
        })
        .collect();
    let prices = price::Entity::find()
        .filter(at(price::Column::ProductId, price::Column::Version, &current))
        .all(connection)
        .await?;
    for price in prices {
        if let Some(offer) = offers.get_mut(&price.product_id) {
            offer.prices.insert(price.currency, price.amount);
        }
    }
    let product = |row: entity::Model| {
        let offer = offers.remove(&row.id);
        Ok(Product {
            offer: offer.ok_or_else(|| Error::internal("a product has no version"))?,
            kind: stored(&row.kind, ProductKind::from_str_name)?,
            id: row.id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            retired_at: row.retired_at,
        })
    };
    rows.into_iter().map(product).collect()
}

/// Rows of these versions of products.
fn at<C: ColumnTrait>(product_id: C, version: C, of: &[(String, i32)]) -> Expr {
    Expr::tuple([Expr::col(product_id), Expr::col(version)]).in_tuples(of.iter().cloned())
}

fn row_of(product: &Product) -> entity::ActiveModel {
    entity::ActiveModel {
        id: Set(product.id.clone()),
        kind: Set(product.kind.as_str_name().to_owned()),
        version: Set(product.version),
        created_at: Set(product.created_at),
        updated_at: Set(product.updated_at),
        retired_at: Set(product.retired_at),
    }
}
