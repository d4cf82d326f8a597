//! `IdempotencyService`: translation only.

use tonic::{Request, Response, Status};

use super::commands::IdempotencyKeys;
use super::domain::Claim;
use crate::auth::Caller;
use crate::proto::v1::idempotency_service_server::IdempotencyService;
use crate::proto::v1::{ClaimKeyRequest, ClaimKeyResponse};

/// Answers `IdempotencyService`.
pub struct IdempotencyGrpc {
    keys: IdempotencyKeys,
}

impl IdempotencyGrpc {
    /// For the keys of one service.
    pub fn new(keys: IdempotencyKeys) -> Self {
        Self { keys }
    }
}

#[tonic::async_trait]
impl IdempotencyService for IdempotencyGrpc {
    async fn claim_key(
        &self,
        request: Request<ClaimKeyRequest>,
    ) -> Result<Response<ClaimKeyResponse>, Status> {
        let user_id = Caller::of(&request)?.user_id()?.to_owned();
        let ClaimKeyRequest { operation, key_hash, request_hash, id } = request.into_inner();
        let id = self.keys.claim(&Claim { user_id, operation, key_hash, request_hash, id }).await?;
        Ok(Response::new(ClaimKeyResponse { id }))
    }
}
