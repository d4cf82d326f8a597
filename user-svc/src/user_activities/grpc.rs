//! `UserActivityService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::check_id;
use shared::proto::v1::user_activity_service_server::UserActivityService;
use shared::proto::v1::{
    self, GetUserTrackingRequest, GetUserTrackingResponse, ListUserActivitiesRequest,
    ListUserActivitiesResponse, RecordUserActivityRequest, RecordUserActivityResponse,
    UpdateUserTrackingRequest, UpdateUserTrackingResponse,
};
use shared::time::Clock;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::ActivityCommands;
use super::domain::{UserActivity, UserTracking};
use super::queries::ActivityQueries;
use shared::labels::known;

/// How many activities are listed when the caller does not say.
const DEFAULT_LIMIT: i32 = 50;

/// Answers `UserActivityService`.
pub struct UserActivityGrpc {
    commands: ActivityCommands,
    queries: ActivityQueries,
}

impl UserActivityGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: ActivityCommands::new(database.clone(), clock.clone()),
            queries: ActivityQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl UserActivityService for UserActivityGrpc {
    async fn record_user_activity(
        &self,
        request: Request<RecordUserActivityRequest>,
    ) -> Result<Response<RecordUserActivityResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let mut violations = Violations::default();
        check_id("id", &request.id, &mut violations);
        let activity_type = known(request.activity_type, "activity_type", &mut violations);
        let device_platform = known(request.device_platform, "device_platform", &mut violations);
        let (Some(activity_type), Some(device_platform), true) =
            (activity_type, device_platform, violations.is_empty())
        else {
            return Err(Error::Invalid(violations).into());
        };
        let activity =
            self.commands.record(&request.id, &request.user_id, activity_type, device_platform).await?;
        Ok(Response::new(RecordUserActivityResponse { user_activity: Some(activity.into()) }))
    }

    async fn list_user_activities(
        &self,
        request: Request<ListUserActivitiesRequest>,
    ) -> Result<Response<ListUserActivitiesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let limit = u64::try_from(request.limit.unwrap_or(DEFAULT_LIMIT)).ok();
        let limit = limit.filter(|limit| (1..=200).contains(limit));
        let limit = limit.ok_or_else(|| Error::invalid("limit", "must be 1 to 200"))?;
        let activities = self.queries.newest(&request.user_id, limit).await?;
        let user_activities = activities.into_iter().map(Into::into).collect();
        Ok(Response::new(ListUserActivitiesResponse { user_activities }))
    }

    async fn get_user_tracking(
        &self,
        request: Request<GetUserTrackingRequest>,
    ) -> Result<Response<GetUserTrackingResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let tracking = self.queries.tracking(&request.user_id).await?;
        Ok(Response::new(GetUserTrackingResponse { user_tracking: Some(tracking.into()) }))
    }

    async fn update_user_tracking(
        &self,
        request: Request<UpdateUserTrackingRequest>,
    ) -> Result<Response<UpdateUserTrackingResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let tracking = self.commands.update_tracking(&request.user_id, request.onboarding_completed).await?;
        Ok(Response::new(UpdateUserTrackingResponse { user_tracking: Some(tracking.into()) }))
    }
}

impl From<UserActivity> for v1::UserActivity {
    fn from(activity: UserActivity) -> Self {
        Self {
            id: activity.id,
            user_id: activity.user_id,
            activity_type: activity.activity_type.into(),
            device_platform: activity.device_platform.into(),
            created_at: Some(activity.created_at.into()),
        }
    }
}

impl From<UserTracking> for v1::UserTracking {
    fn from(tracking: UserTracking) -> Self {
        Self {
            user_id: tracking.user_id,
            onboarding_completed: tracking.onboarding_completed,
            counsel_count: tracking.counsel_count,
            message_count: tracking.message_count,
            last_active_at: tracking.last_active_at.map(Into::into),
        }
    }
}
