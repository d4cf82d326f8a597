//! What is held of a user here. Hashes of refresh tokens are left out: they are no news to the user, and nobody else's
//! business.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use shared::database::Database;
use shared::grpc::{Section, rows};

use crate::auth_users::entity as auth_user;
use crate::message_tokens::entity::{self as message_token, credit, reservation};
use crate::passes::entity as pass;
use crate::sessions::entity::session;
use crate::user_activities::entity::{self as activity, tracking};
use crate::users::entity as user;

/// Every section, of one user.
pub fn sections(database: &Database, user_id: &str) -> Vec<Section> {
    let users = user::Entity::find().filter(user::Column::Id.eq(user_id));
    let users = rows(database, users, user::Column::Id, |user| {
        json!({
            "id": user.id,
            "nickname": user.nickname,
            "profileImage": user.profile_image,
            "gender": user.gender,
            "mbti": user.mbti,
            "birthYear": user.birth_year,
            "createdAt": user.created_at.to_rfc3339(),
            "updatedAt": user.updated_at.to_rfc3339(),
        })
    });
    let accounts = auth_user::Entity::find().filter(auth_user::Column::UserId.eq(user_id));
    let accounts = rows(database, accounts, auth_user::Column::UserId, |account| {
        json!({
            "authChannel": account.auth_channel,
            "providerUserId": account.provider_user_id,
            "authority": account.authority,
            "createdAt": account.created_at.to_rfc3339(),
            "updatedAt": account.updated_at.to_rfc3339(),
        })
    });
    let sessions = session::Entity::find().filter(session::Column::UserId.eq(user_id));
    let sessions = rows(database, sessions, session::Column::Id, |session| {
        json!({
            "id": session.id,
            "device": session.device,
            "createdAt": session.created_at.to_rfc3339(),
            "lastUsedAt": session.last_used_at.to_rfc3339(),
            "expiresAt": session.expires_at.to_rfc3339(),
            "revokedAt": session.revoked_at.map(|at| at.to_rfc3339()),
        })
    });
    let tokens = message_token::Entity::find().filter(message_token::Column::UserId.eq(user_id));
    let tokens = rows(database, tokens, message_token::Column::UserId, |tokens| {
        json!({
            "windowBeganAt": tokens.window_began_at.map(|at| at.to_rfc3339()),
            "used": tokens.used,
            "purchased": tokens.purchased,
        })
    });
    let reservations = reservation::Entity::find().filter(reservation::Column::UserId.eq(user_id));
    let reservations = rows(database, reservations, reservation::Column::Id, |reservation| {
        json!({
            "id": reservation.id,
            "state": reservation.state,
            "source": reservation.source,
            "expiresAt": reservation.expires_at.to_rfc3339(),
        })
    });
    let credits = credit::Entity::find().filter(credit::Column::UserId.eq(user_id));
    let credits = rows(database, credits, credit::Column::OrderId, |credit| {
        json!({
            "orderId": credit.order_id,
            "amount": credit.amount,
            "revoked": credit.revoked,
            "creditedAt": credit.credited_at.to_rfc3339(),
        })
    });
    let passes = pass::Entity::find().filter(pass::Column::UserId.eq(user_id));
    let passes = rows(database, passes, pass::Column::SubscriptionId, |pass| {
        json!({
            "subscriptionId": pass.subscription_id,
            "allowance": pass.allowance,
            "period": pass.period,
            "validUntil": pass.valid_until.to_rfc3339(),
            "endedAt": pass.ended_at.map(|at| at.to_rfc3339()),
        })
    });
    let trackings = tracking::Entity::find().filter(tracking::Column::UserId.eq(user_id));
    let trackings = rows(database, trackings, tracking::Column::UserId, |tracking| {
        json!({
            "onboardingCompleted": tracking.onboarding_completed,
            "counselCount": tracking.counsel_count,
            "messageCount": tracking.message_count,
            "lastActiveAt": tracking.last_active_at.map(|at| at.to_rfc3339()),
        })
    });
    let activities = activity::Entity::find().filter(activity::Column::UserId.eq(user_id));
    let activities = rows(database, activities, activity::Column::Id, |activity| {
        json!({
            "id": activity.id,
            "activityType": activity.activity_type,
            "devicePlatform": activity.device_platform,
            "createdAt": activity.created_at.to_rfc3339(),
        })
    });
    vec![
        ("users", users),
        ("accounts", accounts),
        ("sessions", sessions),
        ("messageTokens", tokens),
        ("tokenReservations", reservations),
        ("tokenCredits", credits),
        ("passes", passes),
        ("trackings", trackings),
        ("activities", activities),
    ]
}
