//! `UserService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::check_id;
use shared::proto::v1::user_service_server::UserService;
use shared::proto::v1::{
    self, DeleteUserRequest, DeleteUserResponse, FindUserByNicknameRequest, FindUserByNicknameResponse,
    GetUserRequest, GetUserResponse, InitializeUserRequest, InitializeUserResponse, UpdateUserRequest,
    UpdateUserResponse,
};
use shared::time::{Clock, Timestamp};
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::UserCommands;
use super::domain::{BirthYear, Nickname, ProfileImage, User, UserChange};
use super::queries::UserQueries;
use shared::labels::known;

/// Answers `UserService`.
pub struct UserGrpc {
    commands: UserCommands,
    queries: UserQueries,
}

impl UserGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: UserCommands::new(database.clone(), clock.clone()),
            queries: UserQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl UserService for UserGrpc {
    async fn initialize_user(
        &self,
        request: Request<InitializeUserRequest>,
    ) -> Result<Response<InitializeUserResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        check_id("user_id", &request.user_id, &mut violations);
        violations.into_result()?;
        let user = self.commands.initialize(&request.user_id).await?;
        Ok(Response::new(InitializeUserResponse { user: Some(user.into()) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let user = self.queries.get(&request.user_id).await?;
        Ok(Response::new(GetUserResponse { user: Some(user.into()) }))
    }

    async fn find_user_by_nickname(
        &self,
        request: Request<FindUserByNicknameRequest>,
    ) -> Result<Response<FindUserByNicknameResponse>, Status> {
        let user = self.queries.by_nickname(&request.into_inner().nickname).await?;
        Ok(Response::new(FindUserByNicknameResponse { user: Some(user.into()) }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let change = change_of(&request, self.commands.now())?;
        let user = self.commands.update(&request.user_id, change).await?;
        Ok(Response::new(UpdateUserResponse { user: Some(user.into()) }))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let caller = Caller::of(&request)?;
        let user_id = request.into_inner().user_id;
        caller.require_owner(&user_id, "user")?;
        let session_ids = self.commands.erase(&user_id).await?;
        Ok(Response::new(DeleteUserResponse { session_ids }))
    }
}

fn change_of(request: &UpdateUserRequest, now: Timestamp) -> Result<UserChange, Error> {
    let mut violations = Violations::default();
    let nickname = request.nickname.as_deref().map(Nickname::parse);
    let profile_image = request.profile_image.as_deref().map(ProfileImage::parse);
    let birth_year = request.birth_year.map(|year| BirthYear::parse(year, now));
    let change = UserChange {
        nickname: good(nickname, "nickname", &mut violations),
        profile_image: good(profile_image, "profile_image", &mut violations),
        gender: request.gender.and_then(|number| known(number, "gender", &mut violations)),
        mbti: request.mbti.and_then(|number| known(number, "mbti", &mut violations)),
        birth_year: good(birth_year, "birth_year", &mut violations),
    };
    violations.into_result()?;
    Ok(change)
}

/// The value, if there is one and it is good; the rule that a bad one breaks is noted.
fn good<T>(
    parsed: Option<Result<T, &'static str>>,
    field: &'static str,
    violations: &mut Violations,
) -> Option<T> {
    parsed.and_then(|parsed| parsed.map_err(|rule| violations.add(field, rule)).ok())
}

impl From<User> for v1::User {
    fn from(user: User) -> Self {
        let profile = v1::UserProfile {
            profile_image: user.profile.profile_image.map(|image| image.as_str().to_owned()),
            gender: user.profile.gender.map(i32::from),
            mbti: user.profile.mbti.map(i32::from),
            birth_year: user.profile.birth_year.map(BirthYear::year),
        };
        Self {
            id: user.id,
            nickname: user.nickname.as_str().to_owned(),
            user_profile: Some(profile),
            created_at: Some(user.created_at.into()),
            updated_at: Some(user.updated_at.into()),
            deleted_at: user.deleted_at.map(Into::into),
        }
    }
}
