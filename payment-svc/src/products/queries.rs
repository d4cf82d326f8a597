//! Reading what can be bought.

use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Database;
use shared::page::{Listed, Page};

use super::domain::Product;
use super::entity::{Column, Entity};
use super::repository::offered;

/// Reads products.
#[derive(Clone)]
pub struct ProductQueries {
    database: Database,
}

impl ProductQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Products in the order of their ids, with or without those that are retired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, page: Page<String>, with_retired: bool) -> Result<Listed<Product>, Error> {
        let mut all = Entity::find();
        if !with_retired {
            all = all.filter(Column::RetiredAt.is_null());
        }
        let mut all = all.cursor_by(Column::Id);
        let rows = page.seek(&mut all).all(self.database.read()).await?;
        let Listed { items, next_cursor } = page.cut(rows, |row| row.id.clone())?;
        Ok(Listed { items: offered(self.database.read(), items).await?, next_cursor })
    }

    /// One product, retired or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn by_id(&self, id: &str) -> Result<Product, Error> {
        let rows = Entity::find_by_id(id).all(self.database.read()).await?;
        offered(self.database.read(), rows).await?.pop().ok_or(Error::NotFound("product"))
    }
}
