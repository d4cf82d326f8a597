//! Idempotency keys: for a day, one key of one user stands for one request.
//!
//! The first request with a key claims it with the service that does the work, and gives it the id of what the request
//! makes. A repeat finds the claim and takes the id over, so that the service, whose calls are idempotent by that id,
//! answers it as it answered the first. Another request with the same key is refused. Services are told hashes only.

use axum::http::StatusCode;
use serde::Serialize;
use shared::hash::sha256_hex;
use shared::id;
use shared::mesh::MeshChannel;
use shared::proto::v1::ClaimKeyRequest;
use shared::proto::v1::idempotency_service_client::IdempotencyServiceClient;
use tonic::{Code, Status};

use crate::envelope::ApiError;
use crate::input::IdempotencyKey;
use crate::session::Session;
use crate::upstream::Upstream;

/// What a key is sent with. Each operation has keys of its own.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    CreateActivity,
    CreateCounsel,
    CreateCounselTechnique,
    CreateMessage,
    CreateOrder,
    CreateProduct,
    CreateTransitionRule,
    RefundOrder,
}

impl Operation {
    /// As services know it: another name would let a key be used once more.
    fn name(self) -> &'static str {
        match self {
            Self::CreateActivity => "create_activity",
            Self::CreateCounsel => "create_counsel",
            Self::CreateCounselTechnique => "create_counsel_technique",
            Self::CreateMessage => "create_message",
            Self::CreateOrder => "create_order",
            Self::CreateProduct => "create_product",
            Self::CreateTransitionRule => "create_transition_rule",
            Self::RefundOrder => "refund_order",
        }
    }

    /// The keys of the service that is the first to be given the id.
    fn keys(self, upstream: &Upstream) -> IdempotencyServiceClient<MeshChannel> {
        match self {
            // A message is paid for first: its id is the reservation's.
            Self::CreateActivity | Self::CreateMessage => upstream.user_keys(),
            Self::CreateCounsel | Self::CreateCounselTechnique | Self::CreateTransitionRule => {
                upstream.counseling_keys()
            }
            Self::CreateOrder | Self::CreateProduct | Self::RefundOrder => upstream.payment_keys(),
        }
    }
}

/// The id of what a request makes: a new one, or for a repeat the one of the first request with this key.
///
/// `request` is everything that makes two requests of the operation differ.
///
/// # Errors
/// 409 when the key stands for another request, 503 when the service that keeps it cannot be reached.
pub async fn id_for(
    upstream: &Upstream,
    session: &Session,
    IdempotencyKey { key }: &IdempotencyKey,
    operation: Operation,
    request: &impl Serialize,
) -> Result<String, ApiError> {
    let id = id::new_id();
    let Some(key) = key else { return Ok(id) };
    // The key is a part of it, so that equal texts of two people do not have equal hashes.
    let request = serde_json::to_string(&(&session.user_id, key, request));
    let request = request.map_err(|error| ApiError::internal(&error))?;
    let claim = ClaimKeyRequest {
        operation: operation.name().to_owned(),
        key_hash: sha256_hex(key),
        request_hash: sha256_hex(&request),
        id,
    };
    let claim = upstream.request(session.caller(), claim);
    let standing = operation.keys(upstream).claim_key(claim).await.map_err(refusal)?;
    Ok(standing.into_inner().id)
}

fn refusal(status: Status) -> ApiError {
    match status.code() {
        Code::AlreadyExists => {
            let message = "this Idempotency-Key was sent with another request; a new request needs a new key";
            ApiError::new(StatusCode::CONFLICT, "E40901", message)
        }
        _ => status.into(),
    }
}
