//! Idempotency keys: for a day, one key of one user stands for one request.
//!
//! The first request with a key claims it, in a bucket that all gateways share, and gives it the id of what the request
//! makes. A repeat finds the claim and takes the id over, so that the service, whose calls are idempotent by that id,
//! answers it as it answered the first. Another request with the same key is refused. The bucket holds hashes only.

use std::time::Duration;

use async_nats::client::Client;
use async_nats::connection::State;
use async_nats::jetstream::kv::{Store, UpdateErrorKind};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::error::Error;
use shared::hash::sha256_hex;
use shared::id;
use shared::messaging::Nats;
use shared::messaging::permissions::IDEMPOTENCY;

use crate::buckets;
use crate::envelope::ApiError;
use crate::input::IdempotencyKey;

/// How long a request waits for the broker.
const LIMIT: Duration = Duration::from_secs(3);
/// When to try again if the broker is away.
const RETRY: Duration = Duration::from_secs(2);
/// A claim can expire between being found and being read, though hardly twice in a row.
const ATTEMPTS: usize = 3;
/// What the broker's tools put on the markers of deleted keys.
const OPERATION: &str = "KV-Operation";

/// How claims are kept.
#[derive(Clone, Debug)]
pub struct IdempotencySettings {
    /// How long a key stands for its request.
    pub keep: Duration,
    /// On how many servers of a NATS cluster the bucket is kept: 1, 3 or 5.
    pub replicas: usize,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self { keep: Duration::from_secs(86_400), replicas: 1 }
    }
}

/// What a key stands for.
#[derive(Serialize, Deserialize)]
struct Claim {
    /// The id of what the request makes.
    id: String,
    /// The hash of the request.
    request: String,
}

/// The keys of the last day.
pub struct IdempotencyKeys {
    nats: Nats,
    settings: IdempotencySettings,
    bucket: Store,
}

/// Why a claim was neither made nor found.
enum Fault {
    /// Somebody else has claimed the key.
    Taken,
    /// The broker did not take it.
    Broker(async_nats::Error),
}

impl IdempotencyKeys {
    /// Opens the bucket; creates it, or gives it these settings.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer or refuses.
    pub async fn open(nats: Nats, settings: IdempotencySettings) -> Result<Self, Error> {
        let bucket = reconcile(&nats, &settings).await.map_err(Error::Unavailable)?;
        Ok(Self { nats, settings, bucket })
    }

    /// The id of what a request makes: a new one, or for a repeat the one of the first request with this key.
    ///
    /// `operation` names the route, `request` is everything else that makes two requests of it differ.
    ///
    /// # Errors
    /// 409 when the key stands for another request, 503 when the broker cannot be asked.
    pub async fn id_for(
        &self,
        IdempotencyKey { key }: &IdempotencyKey,
        user_id: &str,
        operation: &str,
        request: &impl Serialize,
    ) -> Result<String, ApiError> {
        let new = id::new_id();
        let Some(key) = key else { return Ok(new) };
        // The key is a part of it, so that equal texts of two people do not have equal hashes.
        let request =
            serde_json::to_string(&(user_id, key, request)).map_err(|error| ApiError::internal(&error))?;
        let claim = Claim { id: new, request: sha256_hex(&request) };
        let name = sha256_hex(&[user_id, operation, key].join("\u{1f}"));
        if !is_connected(&self.nats.client) {
            return Err(unavailable(&"the broker is not connected"));
        }
        let standing = tokio::time::timeout(LIMIT, Box::pin(self.claim(&name, &claim)));
        let standing = standing.await.map_err(|_| unavailable(&"the broker is silent"))?;
        let standing = standing.map_err(|error| unavailable(&error))?;
        if standing.request == claim.request { Ok(standing.id) } else { Err(taken()) }
    }

    /// The claim that stands for a key: this one, if it is the first.
    async fn claim(&self, name: &str, claim: &Claim) -> Result<Claim, async_nats::Error> {
        let value = serde_json::to_vec(claim)?;
        let mut revision = 0;
        for _ in 0..ATTEMPTS {
            match self.write(name, &value, revision).await {
                Ok(()) => return Ok(Claim { id: claim.id.clone(), request: claim.request.clone() }),
                Err(Fault::Taken) => {}
                Err(Fault::Broker(error)) => {
                    tracing::warn!(%error, "an idempotency key was not taken; opening the bucket again");
                    reconcile(&self.nats, &self.settings).await?;
                    continue;
                }
            }
            // Asked of the bucket's leader: a follower may not have heard of the claim yet.
            let subject = format!("{}{name}", self.bucket.prefix);
            match self.bucket.stream.get_last_raw_message_by_subject(&subject).await {
                Ok(message) if message.headers.get(OPERATION).is_none() => {
                    return Ok(serde_json::from_slice(&message.payload)?);
                }
                // Somebody has deleted it by hand.
                Ok(marker) => revision = marker.sequence,
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => revision = 0,
                Err(error) => return Err(error.into()),
            }
        }
        Err("the claim could be neither made nor read".into())
    }

    /// Writes a claim if the key's last revision is this one; 0 when it has none.
    async fn write(&self, name: &str, value: &[u8], revision: u64) -> Result<(), Fault> {
        match self.bucket.update(name, value.to_vec().into(), revision).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Err(Fault::Taken),
            Err(error) => Err(Fault::Broker(error.into())),
        }
    }
}

async fn reconcile(nats: &Nats, settings: &IdempotencySettings) -> Result<Store, async_nats::Error> {
    let description = "what each Idempotency-Key of the last day stands for";
    buckets::open(nats, IDEMPOTENCY, description, settings.keep, settings.replicas).await
}

fn is_connected(client: &Client) -> bool {
    client.connection_state() == State::Connected
}

fn taken() -> ApiError {
    let message = "this Idempotency-Key was sent with another request; a new request needs a new key";
    ApiError::new(StatusCode::CONFLICT, "E40901", message)
}

fn unavailable(cause: &dyn std::fmt::Display) -> ApiError {
    tracing::warn!(error = %cause, "an idempotency key could not be claimed");
    let message = "an Idempotency-Key cannot be taken at the moment";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "E50301", message).retry_after(Some(RETRY))
}
