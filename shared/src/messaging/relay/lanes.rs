//! Leases of outbox lanes.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, Query};
use sea_orm::{Condition, DbErr};

use super::Relay;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox_lane")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(super) lane: i32,
    pub(super) owner: Option<String>,
    pub(super) leased_until: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Relay {
    /// Leases those of `lanes` that nobody holds. Rows that another replica is just leasing are skipped, not
    /// waited for.
    ///
    /// No lease ends later than one lease from now: what does was given by a clock that has been put back since, and if
    /// its owner is gone nobody would have the lane until then. Clocks may differ by as much as a lease.
    pub(super) async fn lease(&self, lanes: &[i32]) -> Result<Vec<i32>, DbErr> {
        let now = self.clock.now();
        let free = Query::select()
            .column(Column::Lane)
            .from(Entity)
            .and_where(Column::Lane.is_in(lanes.iter().copied()))
            .cond_where(
                Condition::any()
                    .add(Column::Owner.is_null())
                    .add(Column::Owner.eq(&*self.replica))
                    .add(Column::LeasedUntil.lt(now))
                    .add(Column::LeasedUntil.gt(now.plus(self.settings.lease * 2))),
            )
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .to_owned();
        let leased = Entity::update_many()
            .col_expr(Column::Owner, Expr::value(self.replica.clone()))
            .col_expr(Column::LeasedUntil, Expr::value(now.plus(self.settings.lease)))
            .filter(Column::Lane.in_subquery(free))
            .exec_with_returning(self.database.write())
            .await?;
        Ok(leased.into_iter().map(|row| row.lane).collect())
    }

    /// Gives lanes back, unless their lease ended and somebody else holds them now.
    pub(super) async fn give_back(
        &self,
        connection: &impl ConnectionTrait,
        lanes: &[i32],
    ) -> Result<(), DbErr> {
        Entity::update_many()
            .col_expr(Column::Owner, Expr::value(Option::<String>::None))
            .filter(Column::Lane.is_in(lanes.iter().copied()))
            .filter(Column::Owner.eq(&*self.replica))
            .exec(connection)
            .await?;
        Ok(())
    }
}
