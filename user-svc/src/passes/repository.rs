//! Where passes are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use shared::Error;
use shared::database::Transaction;
use shared::time::Timestamp;

use super::domain::Pass;
use super::entity::{ActiveModel, Column, Entity, Model};

/// What commands need of the place where passes are kept.
pub trait Passes {
    /// A pass that nobody else changes until the end of the transaction.
    fn pass_for_change(
        &self,
        subscription_id: &str,
    ) -> impl Future<Output = Result<Option<Pass>, Error>> + Send;

    /// Keeps a pass, new or changed.
    fn save_pass(&self, pass: &Pass) -> impl Future<Output = Result<(), Error>> + Send;

    /// See [`best_allowance`].
    fn allowance_of_passes(
        &self,
        user_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<u32>, Error>> + Send;

    /// Removes the user's passes.
    fn erase_passes(&self, user_id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Passes for Transaction {
    async fn pass_for_change(&self, subscription_id: &str) -> Result<Option<Pass>, Error> {
        let row = Entity::find_by_id(subscription_id).lock_exclusive().one(&**self).await?;
        row.map(Pass::try_from).transpose()
    }

    async fn save_pass(&self, pass: &Pass) -> Result<(), Error> {
        let changed = [Column::Allowance, Column::Period, Column::ValidUntil, Column::EndedAt];
        let known = OnConflict::column(Column::SubscriptionId).update_columns(changed).to_owned();
        Entity::insert(row_of(pass)?).on_conflict(known).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn allowance_of_passes(&self, user_id: &str, now: Timestamp) -> Result<Option<u32>, Error> {
        best_allowance(&**self, user_id, now).await
    }

    async fn erase_passes(&self, user_id: &str) -> Result<(), Error> {
        Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&**self).await?;
        Ok(())
    }
}

/// The largest allowance of the user's passes that are good now.
///
/// # Errors
/// When the database does not answer.
pub async fn best_allowance(
    connection: &impl ConnectionTrait,
    user_id: &str,
    now: Timestamp,
) -> Result<Option<u32>, Error> {
    let live = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::EndedAt.is_null());
    let rows = live.all(connection).await?;
    let passes = rows.into_iter().map(Pass::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(passes.iter().filter(|pass| pass.is_good(now)).map(|pass| pass.allowance).max())
}

impl TryFrom<Model> for Pass {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            subscription_id: row.subscription_id,
            user_id: row.user_id,
            allowance: u32::try_from(row.allowance).map_err(Error::internal)?,
            period: u32::try_from(row.period).map_err(Error::internal)?,
            valid_until: row.valid_until,
            ended_at: row.ended_at,
        })
    }
}

fn row_of(pass: &Pass) -> Result<ActiveModel, Error> {
    Ok(ActiveModel {
        subscription_id: Set(pass.subscription_id.clone()),
        user_id: Set(pass.user_id.clone()),
        allowance: Set(i32::try_from(pass.allowance).map_err(Error::internal)?),
        period: Set(i32::try_from(pass.period).map_err(Error::internal)?),
        valid_until: Set(pass.valid_until),
        ended_at: Set(pass.ended_at),
    })
}
