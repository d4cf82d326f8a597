//! placeholder
use std::time::Duration;
#[derive(Clone, Debug)]
pub struct Instance {
    pub service: String,
    pub id: String,
    pub address: String,
    pub version: String,
    pub started_at: i64,
}
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    pub ttl: Duration,
}
impl Default for RegistrySettings {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(6) }
    }
}
#[derive(Debug, thiserror::Error)]
#[error("registry")]
pub struct RegistryError;
pub struct Registration;
impl Registration {
    pub async fn register(
        _: &async_nats::jetstream::Context,
        _: &async_nats::Client,
        _: Instance,
        _: RegistrySettings,
    ) -> Result<Self, RegistryError> {
        Ok(Self)
    }
    pub async fn leave(self) {}
}
