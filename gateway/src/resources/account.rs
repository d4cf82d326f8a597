//! What belongs to the caller's account: message tokens, activities, and how far the caller has come.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::ToSchema;

use crate::App;
use crate::dto::{api_enum, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{Body, IdempotencyKey};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// What a user did.
    ActivityType {
        Login = "ACTIVITY_TYPE_LOGIN",
        Logout = "ACTIVITY_TYPE_LOGOUT",
        UnloginnedUserComeIn = "ACTIVITY_TYPE_UNLOGINNED_USER_COME_IN",
        UnloginnedUserStartedCounseling = "ACTIVITY_TYPE_UNLOGINNED_USER_STARTED_COUNSELING",
        UnloginnedUserFinishedCounseling = "ACTIVITY_TYPE_UNLOGINNED_USER_FINISHED_COUNSELING",
        OnboardingStart = "ACTIVITY_TYPE_ONBOARDING_START",
        OnboardingEnd = "ACTIVITY_TYPE_ONBOARDING_END",
        SetConversationPreference = "ACTIVITY_TYPE_SET_CONVERSATION_PREFERENCE",
        CounselingStart = "ACTIVITY_TYPE_COUNSELING_START",
        CounselingEnd = "ACTIVITY_TYPE_COUNSELING_END",
        ProfileUpdate = "ACTIVITY_TYPE_PROFILE_UPDATE",
        FeedbackSubmit = "ACTIVITY_TYPE_FEEDBACK_SUBMIT",
        SubscriptionStart = "ACTIVITY_TYPE_SUBSCRIPTION_START",
        SubscriptionCancel = "ACTIVITY_TYPE_SUBSCRIPTION_CANCEL",
        PaymentComplete = "ACTIVITY_TYPE_PAYMENT_COMPLETE",
    }
}

api_enum! {
    /// On what a user did it.
    DevicePlatform {
        Web = "DEVICE_PLATFORM_WEB",
        Ios = "DEVICE_PLATFORM_IOS",
        Android = "DEVICE_PLATFORM_ANDROID",
        Desktop = "DEVICE_PLATFORM_DESKTOP",
    }
}

/// Message tokens: one is spent with each message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageTokens {
    /// Tokens of each six hours; absent for admins, who have no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowance: Option<i32>,
    /// Spent or held of the allowance since the six hours began.
    used: i32,
    /// Held for messages that are being answered.
    reserved: i32,
    /// Bought, and neither spent nor held. They never expire, and are spent after the allowance.
    purchased: i32,
    /// When the allowance is whole again; absent while it is. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<String>,
}

/// The caller's message tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    tokens: MessageTokens,
}

/// How far the caller has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserTracking {
    /// Whether the caller was shown around.
    onboarding_completed: bool,
    /// Counsels that the caller opened.
    counsel_count: i32,
    /// Messages that the caller sent and that were answered.
    message_count: i32,
    /// When the caller last did something that counts. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_active_at: Option<String>,
}

/// The caller's tracking.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tracking {
    user_tracking: UserTracking,
}

/// What the caller may change of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTracking {
    /// Absent: as it is.
    onboarding_completed: Option<bool>,
}

/// Something that the caller did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateActivity {
    activity_type: ActivityType,
    device_platform: DevicePlatform,
}

/// Something that a user did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserActivity {
    id: String,
    activity_type: ActivityType,
    device_platform: DevicePlatform,
    /// RFC 3339, UTC.
    created_at: String,
}

/// The activity that was noted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    user_activity: UserActivity,
}

impl From<v1::MessageTokens> for Tokens {
    fn from(tokens: v1::MessageTokens) -> Self {
        Self {
            tokens: MessageTokens {
                allowance: tokens.allowance,
                used: tokens.used,
                reserved: tokens.reserved,
                purchased: tokens.purchased,
                resets_at: tokens.resets_at.map(rfc3339),
            },
        }
    }
}

impl From<v1::UserTracking> for Tracking {
    fn from(tracking: v1::UserTracking) -> Self {
        Self {
            user_tracking: UserTracking {
                onboarding_completed: tracking.onboarding_completed,
                counsel_count: tracking.counsel_count,
                message_count: tracking.message_count,
                last_active_at: tracking.last_active_at.map(rfc3339),
            },
        }
    }
}

impl TryFrom<v1::UserActivity> for Activity {
    type Error = ApiError;

    fn try_from(activity: v1::UserActivity) -> Result<Self, ApiError> {
        let kind = ActivityType::of(activity.activity_type);
        let platform = DevicePlatform::of(activity.device_platform);
        Ok(Self {
            user_activity: UserActivity {
                id: activity.id,
                activity_type: promised(kind, "activity_type")?,
                device_platform: promised(platform, "device_platform")?,
                created_at: rfc3339(promised(activity.created_at, "created_at")?),
            },
        })
    }
}

/// How many messages the caller may still send.
#[utoipa::path(
    get,
    path = "/users/me/tokens",
    tag = "users",
    responses((status = 200, body = Envelope<Tokens>), Errors)
)]
pub async fn get_tokens(State(app): State<Arc<App>>, session: Session) -> Answer<Tokens> {
    Ok(Success::ok(tokens(&app, &session).await?))
}

/// The caller's message tokens, as they are now.
///
/// # Errors
/// When the service does not answer, or there is no such user any more.
pub async fn tokens(app: &App, session: &Session) -> Result<Tokens, ApiError> {
    let get = v1::GetMessageTokensRequest { user_id: session.user_id.clone() };
    let get = app.upstream.request(session.caller(), get);
    let found = app.upstream.message_tokens().get_message_tokens(get).await?.into_inner();
    promised(found.message_tokens, "message_tokens").map(Tokens::from)
}

/// How far the caller has come.
#[utoipa::path(
    get,
    path = "/users/me/tracking",
    tag = "users",
    responses((status = 200, body = Envelope<Tracking>), Errors)
)]
pub async fn get_tracking(State(app): State<Arc<App>>, session: Session) -> Answer<Tracking> {
    let get = v1::GetUserTrackingRequest { user_id: session.user_id.clone() };
    let get = app.upstream.request(session.caller(), get);
    let found = app.upstream.user_activities().get_user_tracking(get).await?.into_inner();
    Ok(Success::ok(promised(found.user_tracking, "user_tracking")?.into()))
}

/// Notes how far the caller has come.
#[utoipa::path(
    put,
    path = "/users/me/tracking",
    tag = "users",
    request_body = UpdateTracking,
    responses((status = 200, body = Envelope<Tracking>), Errors)
)]
pub async fn update_tracking(
    State(app): State<Arc<App>>,
    session: Session,
    Body(body): Body<UpdateTracking>,
) -> Answer<Tracking> {
    let update = v1::UpdateUserTrackingRequest {
        user_id: session.user_id.clone(),
        onboarding_completed: body.onboarding_completed,
    };
    let update = app.upstream.request(session.caller(), update);
    let updated = app.upstream.user_activities().update_user_tracking(update).await?.into_inner();
    Ok(Success::ok(promised(updated.user_tracking, "user_tracking")?.into()))
}

/// Notes something that the caller did.
#[utoipa::path(
    post,
    path = "/users/me/activities",
    tag = "users",
    params(IdempotencyKey),
    request_body = CreateActivity,
    responses((status = 201, body = Envelope<Activity>), Errors)
)]
pub async fn create_activity(
    State(app): State<Arc<App>>,
    session: Session,
    key: IdempotencyKey,
    Body(body): Body<CreateActivity>,
) -> Answer<Activity> {
    let id = id_for(&app.upstream, &session, &key, Operation::CreateActivity, &body).await?;
    let record = v1::RecordUserActivityRequest {
        id,
        user_id: session.user_id.clone(),
        activity_type: body.activity_type.into(),
        device_platform: body.device_platform.into(),
    };
    let record = app.upstream.request(session.caller(), record);
    let recorded = app.upstream.user_activities().record_user_activity(record).await?.into_inner();
    Ok(Success::created(promised(recorded.user_activity, "user_activity")?.try_into()?))
}
