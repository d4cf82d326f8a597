//! The presence of this process in the registry.

use std::collections::HashMap;

use async_nats::connection::State;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::kv::Store;
use async_nats::service::{Service, ServiceExt};
use bytes::Bytes;
use futures::FutureExt;
use tokio_util::task::AbortOnDropHandle;

use super::{Instance, RegistryError, RegistrySettings, reconcile, within};

/// Keeps an instance in the registry for as long as it lives.
///
/// Dropping it is what a crash looks like to others: the instance is there until its time to live has passed.
/// [`Registration::leave`] takes it out at once.
pub struct Registration {
    key: String,
    bucket: Store,
    settings: RegistrySettings,
    keeper: AbortOnDropHandle<()>,
    _protocol: ServiceProtocol,
}

impl Registration {
    /// Enters `instance`, creating the bucket when it is missing, and keeps it there in the background.
    ///
    /// `client` answers the NATS service protocol: `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`.
    ///
    /// # Errors
    /// When the name, id or version are not well-formed, or the broker does not take the key now.
    pub async fn register(
        jetstream: &Context,
        client: &async_nats::Client,
        instance: Instance,
        settings: RegistrySettings,
    ) -> Result<Self, RegistryError> {
        let key = instance.key()?;
        let value = serde_json::to_vec(&instance).map_err(|error| RegistryError::Write(error.into()))?.into();
        let settings = settings.within_limits();
        let bucket = reconcile(jetstream, &settings).await?;
        let mut keeper =
            Keeper { jetstream: jetstream.clone(), bucket, key, value, settings: settings.clone() };
        keeper.put().await?;
        let protocol = ServiceProtocol::answer(client, &instance).await?;
        Ok(Self {
            key: keeper.key.clone(),
            bucket: keeper.bucket.clone(),
            settings,
            keeper: AbortOnDropHandle::new(tokio::spawn(keeper.run())),
            _protocol: protocol,
        })
    }

    /// Takes the instance out of the registry, so that nobody calls it any more. Calls that are under way go on.
    ///
    /// When the broker does not answer within the time to live this is logged, and the instance leaves by silence.
    pub async fn leave(mut self) {
        // First the keeper has to be at rest: a refresh after the deletion would undo it.
        self.keeper.abort();
        let _ = (&mut self.keeper).await;
        let deleted = match within(self.settings.ttl, self.bucket.delete(&self.key)).await {
            Ok(result) => result.map_err(|error| RegistryError::Write(error.into())),
            Err(error) => Err(error),
        };
        if let Err(error) = deleted {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(key = self.key, error, "the registry was not left; the key will expire");
        }
    }
}

/// Refreshes the key, whatever happens to the broker.
struct Keeper {
    jetstream: Context,
    bucket: Store,
    key: String,
    value: Bytes,
    settings: RegistrySettings,
}

impl Keeper {
    async fn run(mut self) {
        let mut lost = false;
        loop {
            tokio::time::sleep(if lost { self.settings.pause() } else { self.settings.refresh() }).await;
            match self.refresh().await {
                Ok(()) if lost => {
                    tracing::info!(key = self.key, "in the registry again");
                    lost = false;
                }
                Err(error) if !lost => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(
                        key = self.key,
                        error,
                        "the registry cannot be refreshed; trying until it can"
                    );
                    lost = true;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), RegistryError> {
        // The client would queue what it cannot send.
        if self.jetstream.client().connection_state() != State::Connected {
            return Err(RegistryError::Disconnected);
        }
        match self.put().await {
            Ok(()) => Ok(()),
            Err(_) => {
                // Perhaps the bucket is gone: a broker that lost its data, or somebody deleted it.
                self.bucket = reconcile(&self.jetstream, &self.settings).await?;
                self.put().await
            }
        }
    }

    async fn put(&mut self) -> Result<(), RegistryError> {
        let put = self.bucket.put(&self.key, self.value.clone());
        within(self.settings.refresh(), put).await?.map_err(|error| RegistryError::Write(error.into()))?;
        Ok(())
    }
}

/// Answers `$SRV.*` for an instance. It has no endpoints there: its calls are gRPC.
struct ServiceProtocol(Option<Service>);

impl ServiceProtocol {
    async fn answer(client: &async_nats::Client, instance: &Instance) -> Result<Self, RegistryError> {
        let metadata = HashMap::from([
            ("instance".to_owned(), instance.id.clone()),
            ("address".to_owned(), instance.address.clone()),
        ]);
        let builder = client.service_builder().description("gRPC").metadata(metadata);
        let service = builder.start(&instance.service, &instance.version).await;
        service.map(|service| Self(Some(service))).map_err(RegistryError::Protocol)
    }
}

impl Drop for ServiceProtocol {
    fn drop(&mut self) {
        // A dropped `Service` goes on answering; a stopped one does not, and stopping never waits.
        let _ = self.0.take().and_then(|service| service.stop().now_or_never());
    }
}
