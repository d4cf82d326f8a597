//! Users.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{IsSuccess, Times, api_enum};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{Body, Ids, PathIds};
use crate::resources::sessions::without_cookies;
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// A user's gender.
    Gender {
        Male = "GENDER_MALE",
        Female = "GENDER_FEMALE",
    }
}

api_enum! {
    /// A user's type in the Myers-Briggs indicator.
    Mbti {
        Istj = "MBTI_ISTJ",
        Isfj = "MBTI_ISFJ",
        Infj = "MBTI_INFJ",
        Intj = "MBTI_INTJ",
        Istp = "MBTI_ISTP",
        Isfp = "MBTI_ISFP",
        Infp = "MBTI_INFP",
        Intp = "MBTI_INTP",
        Estp = "MBTI_ESTP",
        Esfp = "MBTI_ESFP",
        Enfp = "MBTI_ENFP",
        Entp = "MBTI_ENTP",
        Estj = "MBTI_ESTJ",
        Esfj = "MBTI_ESFJ",
        Enfj = "MBTI_ENFJ",
        Entj = "MBTI_ENTJ",
    }
}

/// What a user tells about themselves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<Gender>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mbti: Option<Mbti>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_year: Option<i32>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    id: String,
    nickname: String,
    user_profile: UserProfile,
}

/// A user as admins see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserForAdmin {
    #[serde(flatten)]
    user: User,
    #[serde(flatten)]
    times: Times,
}

/// One user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserData<U> {
    user: U,
}

impl TryFrom<v1::User> for User {
    type Error = ApiError;

    fn try_from(user: v1::User) -> Result<Self, ApiError> {
        let profile = promised(user.user_profile, "user_profile")?;
        Ok(Self {
            id: user.id,
            nickname: user.nickname,
            user_profile: UserProfile {
                profile_image: profile.profile_image,
                gender: profile.gender.and_then(Gender::of),
                mbti: profile.mbti.and_then(Mbti::of),
                birth_year: profile.birth_year,
            },
        })
    }
}

impl TryFrom<v1::User> for UserForAdmin {
    type Error = ApiError;

    fn try_from(user: v1::User) -> Result<Self, ApiError> {
        let times = Times::new(user.created_at, user.updated_at, user.deleted_at)?;
        Ok(Self { user: user.try_into()?, times })
    }
}

/// The caller.
#[utoipa::path(get, path = "/users/me", tag = "users", responses((status = 200, body = Envelope<UserData<User>>), Errors))]
pub async fn get_me(State(app): State<Arc<App>>, session: Session) -> Answer<UserData<User>> {
    let user_id = session.user_id.clone();
    get(&app, &session, user_id).await
}

/// Any user.
#[utoipa::path(
    get,
    path = "/users/{user-id}",
    tag = "users",
    params(UserId),
    responses((status = 200, body = Envelope<UserData<UserForAdmin>>), Errors)
)]
pub async fn get_user(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(UserId { user_id }): Ids<UserId>,
) -> Answer<UserData<UserForAdmin>> {
    get(&app, &session, user_id).await
}

/// The path of a user.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserId {
    #[serde(rename = "user-id")]
    user_id: String,
}

impl PathIds for UserId {}

async fn get<U: TryFrom<v1::User, Error = ApiError>>(
    app: &App,
    session: &Session,
    user_id: String,
) -> Answer<UserData<U>> {
    let request = app.upstream.request(session.caller(), v1::GetUserRequest { user_id });
    let answer = app.upstream.users().get_user(request).await?.into_inner();
    Ok(Success::ok(UserData { user: promised(answer.user, "user")?.try_into()? }))
}

/// What changes; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMe {
    /// Unique, whatever the case of its letters.
    #[schema(min_length = 2, max_length = 20, example = "다정한 수달")]
    nickname: Option<String>,
    /// An http(s) URL, or a path that begins with a slash.
    #[schema(min_length = 1, max_length = 2048)]
    profile_image: Option<String>,
    gender: Option<Gender>,
    mbti: Option<Mbti>,
    /// Four digits.
    #[schema(minimum = 1900, maximum = 9999, example = 1994)]
    birth_year: Option<i32>,
}

/// Changes the caller's profile.
#[utoipa::path(
    put,
    path = "/users/me",
    tag = "users",
    request_body = UpdateMe,
    responses((status = 200, body = Envelope<UserData<User>>), Errors)
)]
pub async fn update_me(
    State(app): State<Arc<App>>,
    session: Session,
    Body(change): Body<UpdateMe>,
) -> Answer<UserData<User>> {
    let change = v1::UpdateUserRequest {
        user_id: session.user_id.clone(),
        nickname: change.nickname,
        profile_image: change.profile_image,
        gender: change.gender.map(i32::from),
        mbti: change.mbti.map(i32::from),
        birth_year: change.birth_year,
    };
    let request = app.upstream.request(session.caller(), change);
    let answer = app.upstream.users().update_user(request).await?.into_inner();
    Ok(Success::ok(UserData { user: promised(answer.user, "user")?.try_into()? }))
}

/// Deletes the caller for good: what the caller said, the profile, the account, and every session. There is no way back.
///
/// The services erase what they hold as they hear of it, in moments. Orders stay, without anything personal.
#[utoipa::path(
    delete,
    path = "/users/me",
    tag = "users",
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn delete_me(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
) -> Result<(HeaderMap, Success<IsSuccess>), ApiError> {
    let delete = v1::DeleteUserRequest { user_id: session.user_id.clone() };
    let delete = app.upstream.request(session.caller(), delete);
    let closed = app.upstream.users().delete_user(delete).await?.into_inner();
    app.revoked.add(&closed.session_ids).await;
    without_cookies(&headers)
}
