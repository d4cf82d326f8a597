//! Changing what can be bought.

use shared::Error;
use shared::database::Database;
use shared::proto::v1::ProductKind;
use shared::time::Clock;

use super::domain::{Offer, OfferChange, Product};
use super::repository::Products;

/// Changes products.
#[derive(Clone)]
pub struct ProductCommands {
    database: Database,
    clock: Clock,
}

impl ProductCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Adds a product. The same again finds the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the id stands for another kind or another offer.
    pub async fn create(&self, id: String, kind: ProductKind, offer: Offer) -> Result<Product, Error> {
        let product = Product::new(id, kind, offer, self.clock.now());
        let transaction = self.database.begin().await?;
        if transaction.insert_product(&product).await? {
            transaction.commit().await?;
            return Ok(product);
        }
        let known = transaction.product_for_change(&product.id).await?;
        known
            .filter(|known| (known.kind, &known.offer) == (product.kind, &product.offer))
            .ok_or(Error::AlreadyExists("a product with this id"))
    }

    /// Offers something else under the same id, as a new version.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::FailedPrecondition`] once it is retired.
    pub async fn change(&self, id: &str, change: OfferChange) -> Result<Product, Error> {
        let transaction = self.database.begin().await?;
        let product = transaction.product_for_change(id).await?;
        let mut product = product.ok_or(Error::NotFound("product"))?;
        let is_different = product
            .change(change, self.clock.now())
            .map_err(|retired| Error::FailedPrecondition(retired.to_string()))?;
        if is_different {
            transaction.save_product(&product).await?;
            transaction.commit().await?;
        }
        Ok(product)
    }

    /// Takes a product off the shelf; nothing happens when that was done before.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn retire(&self, id: &str) -> Result<Product, Error> {
        let transaction = self.database.begin().await?;
        let product = transaction.product_for_change(id).await?;
        let mut product = product.ok_or(Error::NotFound("product"))?;
        if product.retire(self.clock.now()) {
            transaction.save_product(&product).await?;
            transaction.commit().await?;
        }
        Ok(product)
    }
}
