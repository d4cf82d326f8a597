//! `MessageTokenService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::check_id;
use shared::proto::v1::message_token_service_server::MessageTokenService;
use shared::proto::v1::{
    self, GetMessageTokensRequest, GetMessageTokensResponse, ReleaseTokensRequest, ReleaseTokensResponse,
    ReserveTokensRequest, ReserveTokensResponse,
};
use shared::time::Clock;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::TokenCommands;
use super::domain::Reservation;
use super::queries::TokenQueries;

/// Answers `MessageTokenService`.
pub struct MessageTokenGrpc {
    commands: TokenCommands,
    queries: TokenQueries,
}

impl MessageTokenGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: TokenCommands::new(database.clone(), clock.clone()),
            queries: TokenQueries::new(database.clone(), clock.clone()),
        }
    }

    async fn message_tokens(&self, user_id: String) -> Result<v1::MessageTokens, Error> {
        let balance = self.queries.balance(&user_id).await?;
        Ok(v1::MessageTokens {
            user_id,
            allowance: balance.allowance.map(count),
            used: count(balance.used),
            reserved: count(balance.reserved),
            purchased: count(balance.purchased),
            resets_at: balance.resets_at.map(Into::into),
        })
    }
}

#[tonic::async_trait]
impl MessageTokenService for MessageTokenGrpc {
    async fn get_message_tokens(
        &self,
        request: Request<GetMessageTokensRequest>,
    ) -> Result<Response<GetMessageTokensResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let message_tokens = Some(self.message_tokens(request.user_id).await?);
        Ok(Response::new(GetMessageTokensResponse { message_tokens }))
    }

    async fn reserve_tokens(
        &self,
        request: Request<ReserveTokensRequest>,
    ) -> Result<Response<ReserveTokensResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        let mut violations = Violations::default();
        check_id("reservation_id", &request.reservation_id, &mut violations);
        violations.into_result()?;
        let reservation = self.commands.reserve(&request.user_id, &request.reservation_id).await?;
        Ok(Response::new(ReserveTokensResponse { reservation: Some(reservation.into()) }))
    }

    async fn release_tokens(
        &self,
        request: Request<ReleaseTokensRequest>,
    ) -> Result<Response<ReleaseTokensResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "user")?;
        self.commands.release(&request.user_id, &request.reservation_id).await?;
        let message_tokens = Some(self.message_tokens(request.user_id).await?);
        Ok(Response::new(ReleaseTokensResponse { message_tokens }))
    }
}

/// Numbers of tokens stay far below the limit of the protocol.
fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<Reservation> for v1::Reservation {
    fn from(reservation: Reservation) -> Self {
        Self {
            id: reservation.id,
            state: reservation.state.label().into(),
            expires_at: Some(reservation.expires_at.into()),
        }
    }
}
