//! Discovery: every instance keeps a key with a TTL in the JetStream KV bucket `mesh`.

mod directory;
mod registration;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::StorageType;
pub use directory::Directory;
pub use registration::Registration;
use serde::{Deserialize, Serialize};

/// The bucket's name.
const BUCKET: &str = "mesh";

/// One running process of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The service, e.g. `user-svc`.
    pub service: String,
    /// Unique to this process.
    pub id: String,
    /// `host:port` of its gRPC server.
    pub address: String,
    /// The version of its code.
    pub version: String,
    /// Seconds since 1970.
    pub started_at: i64,
}

impl Instance {
    fn key(&self) -> String {
        format!("{}.{}", self.service, self.id)
    }
}

/// How the registry is kept.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// How long an instance that says nothing stays; each refreshes its key three times in that time.
    pub ttl: Duration,
    /// Copies of the bucket in a cluster.
    pub replicas: usize,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(6), replicas: 1 }
    }
}

/// Why the registry could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the registry cannot be reached")]
pub struct RegistryError(#[source] async_nats::Error);

impl RegistryError {
    fn new(cause: impl Into<async_nats::Error>) -> Self {
        Self(cause.into())
    }
}

async fn bucket(
    jetstream: &async_nats::jetstream::Context,
    settings: &RegistrySettings,
) -> Result<kv::Store, RegistryError> {
    let config = kv::Config {
        bucket: BUCKET.to_owned(),
        description: "live instances of the mesh".to_owned(),
        history: 1,
        max_age: settings.ttl,
        // After a restart of the broker every instance writes its key again: there is nothing to keep.
        storage: StorageType::Memory,
        num_replicas: settings.replicas,
        ..kv::Config::default()
    };
    jetstream.create_or_update_key_value(config).await.map_err(RegistryError::new)
}
