//! Discovery: every live instance keeps a key in the JetStream key-value bucket `mesh`, and refreshes it.
//!
//! - [`Registration`] keeps the key of this process and answers the NATS service protocol, so that
//!   `nats micro list` shows the mesh.
//! - [`Directory`] is the live picture of all instances that a caller balances over.

mod directory;
mod registration;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::context::{Context, KeyValueErrorKind};
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
pub use directory::Directory;
pub use registration::Registration;
pub(crate) use registration::{Stats, drain_subject};
use serde::{Deserialize, Serialize};

use crate::messaging::permissions::INSTANCES;

/// Holds one key for each live instance: `<service>.<id>`.
pub(crate) const BUCKET: &str = INSTANCES;

/// Shorter times are taken for this one: NATS keeps keys no shorter.
const SHORTEST_TTL: Duration = Duration::from_millis(100);

/// A process that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The name of the service, e.g. `user-svc`: letters, digits, `-` and `_`.
    pub service: String,
    /// Unique among the instances of the service: letters, digits, `-` and `_`.
    pub id: String,
    /// Where it serves gRPC: `host:port`.
    pub address: String,
    /// The version of its code, as in Cargo.toml.
    pub version: String,
    /// When it started, in seconds since 1970 (UTC).
    pub started_at: i64,
}

impl Instance {
    fn key(&self) -> Result<String, RegistryError> {
        for name in [&self.service, &self.id] {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(good) {
                return Err(RegistryError::InvalidName(name.clone()));
            }
        }
        Ok(format!("{}.{}", self.service, self.id))
    }
}

/// How the registry behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrySettings {
    /// How long an instance that says nothing stays in the registry, 6 s by default. It refreshes its key three
    /// times as often. 100 ms at least.
    pub ttl: Duration,
    /// On how many servers of a NATS cluster the bucket is kept: 1 (the default), 3 or 5.
    pub replicas: usize,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(6), replicas: 1 }
    }
}

impl RegistrySettings {
    fn within_limits(self) -> Self {
        Self { ttl: self.ttl.max(SHORTEST_TTL), ..self }
    }

    /// Between two refreshes of a key; also how long one of them may take.
    fn refresh(&self) -> Duration {
        self.ttl / 3
    }

    /// Between two attempts to reach the registry after a failure.
    fn pause(&self) -> Duration {
        self.ttl / 12
    }

    /// File storage, though every value is short-lived: revisions then go on counting after the broker restarts, so
    /// that a watch resumes where it was, and the bucket need not be made anew by whoever comes first.
    ///
    /// No limit markers, though they would tell a watcher at once that a key expired: after an outage longer than
    /// the ttl the broker would declare every instance dead. A directory judges by its own clock instead.
    fn bucket(&self) -> kv::Config {
        kv::Config {
            bucket: BUCKET.to_owned(),
            description: "live instances of each service".to_owned(),
            history: 1,
            max_age: self.ttl,
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..kv::Config::default()
        }
    }
}

/// Why the registry could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A service's name or an instance's id has characters that a key cannot have.
    #[error("{0:?} cannot be part of a registry key: only letters, digits, - and _ can")]
    InvalidName(String),
    /// The broker refused the bucket, or has no JetStream.
    #[error("the bucket {BUCKET} cannot be opened")]
    Bucket(#[source] async_nats::Error),
    /// The key could not be written.
    #[error("the registry did not take the instance's key")]
    Write(#[source] async_nats::Error),
    /// The bucket could not be read or watched.
    #[error("the registry cannot be read")]
    Read(#[source] async_nats::Error),
    /// The subscriptions of the NATS service protocol could not be made.
    #[error("the NATS service protocol cannot be answered")]
    Protocol(#[source] async_nats::Error),
    /// There is no connection to the broker.
    #[error("the broker is not connected")]
    Disconnected,
    /// The watch missed something.
    #[error("the watch of the registry has fallen behind")]
    Stale,
    /// The broker is connected but silent.
    #[error("the registry did not answer within {0:?}")]
    TimedOut(Duration),
}

/// Creates the bucket, or gives it these settings.
async fn reconcile(jetstream: &Context, settings: &RegistrySettings) -> Result<Store, RegistryError> {
    let bucket = jetstream.create_or_update_key_value(settings.bucket());
    within(settings.ttl, bucket).await?.map_err(|error| RegistryError::Bucket(error.into()))
}

/// Opens the bucket as it is; creates it when there is none.
async fn open(jetstream: &Context, settings: &RegistrySettings) -> Result<Store, RegistryError> {
    match within(settings.ttl, jetstream.get_key_value(BUCKET)).await? {
        Ok(bucket) => Ok(bucket),
        Err(error) if error.kind() == KeyValueErrorKind::GetBucket => reconcile(jetstream, settings).await,
        Err(error) => Err(RegistryError::Bucket(error.into())),
    }
}

/// Boxed at once: the client's futures are large, and would make those of whoever waits for them larger still.
fn within<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, RegistryError>> {
    let answer = tokio::time::timeout(limit, Box::pin(future));
    async move { answer.await.map_err(|_| RegistryError::TimedOut(limit)) }
}
