//! Where postings are kept.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use shared::Error;
use shared::database::Transaction;

use super::domain::Posting;
use super::entity::{ActiveModel, Entity};

/// What commands need of the place where postings are kept.
pub trait Ledger {
    /// Adds postings.
    ///
    /// # Errors
    /// When one of them has been posted before: then a bug would have counted it twice.
    fn post(&self, postings: Vec<Posting>) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Ledger for Transaction {
    async fn post(&self, postings: Vec<Posting>) -> Result<(), Error> {
        if postings.is_empty() {
            return Ok(());
        }
        let rows = postings.into_iter().map(|posting| ActiveModel {
            seq: NotSet,
            id: Set(posting.id),
            order_id: Set(posting.order_id),
            debit: Set(posting.debit.to_string()),
            credit: Set(posting.credit.to_string()),
            unit: Set(posting.unit),
            amount: Set(posting.amount),
            posted_at: Set(posting.at),
        });
        Entity::insert_many(rows).exec_without_returning(&**self).await?;
        Ok(())
    }
}
