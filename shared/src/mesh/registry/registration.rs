//! One instance's own entry.

use std::collections::HashMap;

use async_nats::jetstream::{self, kv};
use async_nats::service::ServiceExt;
use tokio_util::task::AbortOnDropHandle;

use super::{Instance, RegistryError, RegistrySettings, bucket};
use crate::error::Chain;

/// An instance's place in the registry. Dropped without [`Registration::leave`], the entry ends with its TTL, as after
/// a crash.
pub struct Registration {
    jetstream: jetstream::Context,
    settings: RegistrySettings,
    instance: Instance,
    refresh: AbortOnDropHandle<()>,
    micro: async_nats::service::Service,
}

impl Registration {
    /// Enters `instance` and keeps it there; it also answers the NATS service protocol, so that `nats micro list`
    /// shows it.
    ///
    /// # Errors
    /// When the broker does not take the entry.
    pub async fn register(
        jetstream: &jetstream::Context,
        client: &async_nats::Client,
        instance: Instance,
        settings: RegistrySettings,
    ) -> Result<Self, RegistryError> {
        let store = bucket(jetstream, &settings).await?;
        put(&store, &instance).await?;
        let metadata = HashMap::from([
            ("instance".to_owned(), instance.id.clone()),
            ("address".to_owned(), instance.address.clone()),
        ]);
        let micro = client
            .service_builder()
            .metadata(metadata)
            .start(&instance.service, &instance.version)
            .await
            .map_err(RegistryError::new)?;
        let refresh = AbortOnDropHandle::new(tokio::spawn(refresh(
            jetstream.clone(),
            instance.clone(),
            settings.clone(),
        )));
        Ok(Self { jetstream: jetstream.clone(), settings, instance, refresh, micro })
    }

    /// Leaves the registry at once, so that no new call comes.
    pub async fn leave(self) {
        self.refresh.abort();
        let left = async {
            let store = bucket(&self.jetstream, &self.settings).await?;
            store.delete(self.instance.key()).await.map_err(RegistryError::new)
        };
        if let Err(error) = left.await {
            tracing::warn!(error = %Chain(&error), "the registry was not left; the entry ends with its time to live");
        }
        if let Err(error) = self.micro.stop().await {
            tracing::debug!(%error, "the NATS service was not stopped");
        }
    }
}

async fn put(store: &kv::Store, instance: &Instance) -> Result<(), RegistryError> {
    let value = serde_json::to_vec(instance).map_err(RegistryError::new)?;
    store.put(instance.key(), value.into()).await.map_err(RegistryError::new)?;
    Ok(())
}

/// Writes the key three times in its life. The bucket is made again when a broker came back without it.
async fn refresh(jetstream: jetstream::Context, instance: Instance, settings: RegistrySettings) {
    let mut failing = false;
    loop {
        tokio::time::sleep(settings.ttl / 3).await;
        let refreshed = async { put(&bucket(&jetstream, &settings).await?, &instance).await };
        match refreshed.await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!(error = %Chain(&error), "the registry does not take this instance's entry");
                }
                failing = true;
            }
        }
    }
}
