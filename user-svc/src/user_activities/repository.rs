//! Where activities and trackings are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::proto::v1::{ActivityType, DevicePlatform};

use super::domain::{UserActivity, UserTracking};
use super::entity::{ActiveModel, Column, Entity, Model, tracking};
use shared::labels::stored;

/// What commands need of the place where activities are kept.
pub trait Activities {
    /// The user's tracking, which nobody else changes until the end of the transaction.
    fn tracking_for_change(
        &self,
        user_id: &str,
    ) -> impl Future<Output = Result<Option<UserTracking>, Error>> + Send;

    /// Adds the tracking of a new user.
    fn insert_tracking(&self, tracking: &UserTracking) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed tracking.
    fn save_tracking(&self, tracking: &UserTracking) -> impl Future<Output = Result<(), Error>> + Send;

    /// The activity with this id, whosesoever it is.
    fn activity(&self, id: &str) -> impl Future<Output = Result<Option<UserActivity>, Error>> + Send;

    /// Adds an activity; false when there is one with this id.
    fn insert_activity(&self, activity: &UserActivity) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Removes the activities and the tracking of a user.
    fn erase_activities(&self, user_id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Activities for Transaction {
    async fn tracking_for_change(&self, user_id: &str) -> Result<Option<UserTracking>, Error> {
        let row = tracking::Entity::find_by_id(user_id).lock_exclusive().one(&**self).await?;
        Ok(row.map(UserTracking::from))
    }

    async fn insert_tracking(&self, tracking: &UserTracking) -> Result<(), Error> {
        tracking::Entity::insert(tracking_row_of(tracking)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn save_tracking(&self, tracking: &UserTracking) -> Result<(), Error> {
        tracking::Entity::update(tracking_row_of(tracking)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn activity(&self, id: &str) -> Result<Option<UserActivity>, Error> {
        Entity::find_by_id(id).one(&**self).await?.map(UserActivity::try_from).transpose()
    }

    async fn erase_activities(&self, user_id: &str) -> Result<(), Error> {
        Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&**self).await?;
        tracking::Entity::delete_by_id(user_id).exec(&**self).await?;
        Ok(())
    }

    async fn insert_activity(&self, activity: &UserActivity) -> Result<bool, Error> {
        let row = ActiveModel {
            id: Set(activity.id.clone()),
            user_id: Set(activity.user_id.clone()),
            activity_type: Set(activity.activity_type.as_str_name().to_owned()),
            device_platform: Set(activity.device_platform.as_str_name().to_owned()),
            created_at: Set(activity.created_at),
        };
        let known = OnConflict::column(Column::Id).do_nothing().to_owned();
        let inserted = Entity::insert(row).on_conflict(known).exec_without_returning(&**self).await?;
        Ok(inserted == 1)
    }
}

/// The user's last activities, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(
    connection: &impl ConnectionTrait,
    user_id: &str,
    limit: u64,
) -> Result<Vec<UserActivity>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user_id))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(UserActivity::try_from).collect()
}

/// The user's tracking as it is now.
///
/// # Errors
/// When the database does not answer.
pub async fn find_tracking(
    connection: &impl ConnectionTrait,
    user_id: &str,
) -> Result<Option<UserTracking>, Error> {
    Ok(tracking::Entity::find_by_id(user_id).one(connection).await?.map(UserTracking::from))
}

impl TryFrom<Model> for UserActivity {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            activity_type: stored(&row.activity_type, ActivityType::from_str_name)?,
            device_platform: stored(&row.device_platform, DevicePlatform::from_str_name)?,
            created_at: row.created_at,
        })
    }
}

impl From<tracking::Model> for UserTracking {
    fn from(row: tracking::Model) -> Self {
        Self {
            user_id: row.user_id,
            onboarding_completed: row.onboarding_completed,
            counsel_count: row.counsel_count,
            message_count: row.message_count,
            last_active_at: row.last_active_at,
        }
    }
}

fn tracking_row_of(tracking: &UserTracking) -> tracking::ActiveModel {
    tracking::ActiveModel {
        user_id: Set(tracking.user_id.clone()),
        onboarding_completed: Set(tracking.onboarding_completed),
        counsel_count: Set(tracking.counsel_count),
        message_count: Set(tracking.message_count),
        last_active_at: Set(tracking.last_active_at),
    }
}
