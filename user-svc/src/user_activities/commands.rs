//! Recording what users do.

use shared::Error;
use shared::database::Database;
use shared::proto::v1::{ActivityType, DevicePlatform};
use shared::time::Clock;

use super::domain::{UserActivity, UserTracking};
use super::repository::Activities;

/// Records what users do.
pub struct ActivityCommands {
    database: Database,
    clock: Clock,
}

impl ActivityCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Records an activity, or finds the one that was recorded with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, or the id is of somebody else's activity.
    pub async fn record(
        &self,
        id: &str,
        user_id: &str,
        activity_type: ActivityType,
        device_platform: DevicePlatform,
    ) -> Result<UserActivity, Error> {
        let transaction = self.database.begin().await?;
        let mut tracking = tracking_for_change(&transaction, user_id).await?;
        let now = self.clock.now();
        let (id, user_id) = (id.to_owned(), user_id.to_owned());
        let activity = UserActivity { id, user_id, activity_type, device_platform, created_at: now };
        if !transaction.insert_activity(&activity).await? {
            let known = transaction.activity(&activity.id).await?;
            let own = known.filter(|known| known.user_id == activity.user_id);
            return own.ok_or(Error::NotFound("user activity"));
        }
        tracking.seen(now);
        transaction.save_tracking(&tracking).await?;
        transaction.commit().await?;
        Ok(activity)
    }

    /// Changes the fields that are present.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn update_tracking(
        &self,
        user_id: &str,
        onboarding_completed: Option<bool>,
    ) -> Result<UserTracking, Error> {
        let transaction = self.database.begin().await?;
        let mut tracking = tracking_for_change(&transaction, user_id).await?;
        if let Some(completed) = onboarding_completed {
            tracking.onboarding_completed = completed;
            transaction.save_tracking(&tracking).await?;
            transaction.commit().await?;
        }
        Ok(tracking)
    }
}

/// Applies `change` to the user's tracking.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user (yet).
pub async fn track(
    activities: &(impl Activities + Sync),
    user_id: &str,
    change: impl FnOnce(&mut UserTracking) + Send,
) -> Result<(), Error> {
    let mut tracking = tracking_for_change(activities, user_id).await?;
    change(&mut tracking);
    activities.save_tracking(&tracking).await
}

async fn tracking_for_change(activities: &impl Activities, user_id: &str) -> Result<UserTracking, Error> {
    activities.tracking_for_change(user_id).await?.ok_or(Error::NotFound("user"))
}
