//! `AuthUserService`: translation only.

use shared::database::Database;
use shared::proto::v1::auth_user_service_server::AuthUserService;
use shared::proto::v1::find_auth_user_request::By;
use shared::proto::v1::{
    self, ConnectAuthChannelRequest, ConnectAuthChannelResponse, FindAuthUserRequest, FindAuthUserResponse,
    SetAuthorityRequest, SetAuthorityResponse,
};
use shared::time::Clock;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::AuthUserCommands;
use super::domain::{AuthUser, Authority, Provider, ProviderAccount};
use super::queries::AuthUserQueries;
use crate::text::check_text;

/// Longer than any provider's id, in bytes; short enough for an index.
const LONGEST_PROVIDER_ID: usize = 255;

/// Answers `AuthUserService`.
pub struct AuthUserGrpc {
    commands: AuthUserCommands,
    queries: AuthUserQueries,
}

impl AuthUserGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: AuthUserCommands::new(database.clone(), clock.clone()),
            queries: AuthUserQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl AuthUserService for AuthUserGrpc {
    async fn find_auth_user(
        &self,
        request: Request<FindAuthUserRequest>,
    ) -> Result<Response<FindAuthUserResponse>, Status> {
        let user = match request.into_inner().by {
            Some(By::UserId(user_id)) => self.queries.by_user_id(&user_id).await?,
            Some(By::ProviderAccount(account)) => {
                self.queries.by_account(&account_of(Some(account))?).await?
            }
            None => return Err(Error::invalid("by", "must be a user id or a provider account").into()),
        };
        Ok(Response::new(FindAuthUserResponse { auth_user: Some(user.into()) }))
    }

    async fn connect_auth_channel(
        &self,
        request: Request<ConnectAuthChannelRequest>,
    ) -> Result<Response<ConnectAuthChannelResponse>, Status> {
        let request = request.into_inner();
        let account = account_of(request.provider_account)?;
        let user = self.commands.connect(&request.user_id, account).await?;
        Ok(Response::new(ConnectAuthChannelResponse { auth_user: Some(user.into()) }))
    }

    async fn set_authority(
        &self,
        request: Request<SetAuthorityRequest>,
    ) -> Result<Response<SetAuthorityResponse>, Status> {
        let request = request.into_inner();
        let authority = v1::Authority::try_from(request.authority)
            .ok()
            .and_then(Authority::named)
            .ok_or_else(|| Error::invalid("authority", "must be AUTHORITY_USER or AUTHORITY_ADMIN"))?;
        let user = self.commands.set_authority(&request.user_id, authority).await?;
        Ok(Response::new(SetAuthorityResponse { auth_user: Some(user.into()) }))
    }
}

fn account_of(account: Option<v1::ProviderAccount>) -> Result<ProviderAccount, Error> {
    let Some(account) = account else { return Err(Error::invalid("provider_account", "is required")) };
    let mut violations = Violations::default();
    let provider = v1::AuthChannel::try_from(account.auth_channel).ok().and_then(Provider::named);
    let rule = "must be AUTH_CHANNEL_KAKAO or AUTH_CHANNEL_NAVER";
    violations.check(provider.is_some(), "provider_account.auth_channel", rule);
    let field = "provider_account.provider_user_id";
    check_text(field, &account.provider_user_id, LONGEST_PROVIDER_ID, &mut violations);
    match provider {
        Some(provider) if violations.is_empty() => {
            Ok(ProviderAccount { provider, user_id: account.provider_user_id })
        }
        _ => Err(Error::Invalid(violations)),
    }
}

impl From<AuthUser> for v1::AuthUser {
    fn from(user: AuthUser) -> Self {
        Self {
            user_id: user.user_id,
            auth_channel: user.channel.label().into(),
            authority: user.authority.label().into(),
            created_at: Some(user.created_at.into()),
            updated_at: Some(user.updated_at.into()),
        }
    }
}
