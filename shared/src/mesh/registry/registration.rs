//! The presence of this process in the registry.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::kv::Store;
use async_nats::service::{Service, ServiceExt};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Instance, RegistryError, RegistrySettings, reconcile, within};
use crate::Error;
use crate::health::{Health, Report};
use crate::patience::until_available;

/// What an instance answers to `$SRV.STATS`, as the `data` of its endpoint `drain`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// The instance's id in the registry.
    pub(crate) instance: String,
    /// How it is.
    pub(crate) report: Report,
}

/// Where an instance is asked to leave: see [`Registration::drained`].
pub(crate) fn drain_subject(service: &str, instance: &str) -> String {
    format!("mesh.drain.{service}.{instance}")
}

/// Keeps an instance in the registry for as long as it lives.
///
/// Dropping it is what a crash looks like to others: the instance is there until its time to live has passed.
/// [`Registration::leave`] takes it out at once.
pub struct Registration {
    key: String,
    bucket: Store,
    settings: RegistrySettings,
    keeper: AbortOnDropHandle<()>,
    protocol: ServiceProtocol,
}

impl Registration {
    /// Enters `instance`, creating the bucket when it is missing, and keeps it there in the background.
    ///
    /// The client of `jetstream` answers the NATS service protocol: `$SRV.PING`, `$SRV.INFO`, and `$SRV.STATS` with
    /// what `health` says.
    ///
    /// # Errors
    /// When the name, id or version are not well-formed, or the broker does not take the key now.
    pub async fn register(
        jetstream: &Context,
        instance: Instance,
        settings: RegistrySettings,
        health: Health,
    ) -> Result<Self, RegistryError> {
        let key = instance.key()?;
        let value = serde_json::to_vec(&instance).map_err(|error| RegistryError::Write(error.into()))?.into();
        let settings = settings.within_limits();
        let bucket = reconcile(jetstream, &settings).await?;
        let mut keeper =
            Keeper { jetstream: jetstream.clone(), bucket, key, value, settings: settings.clone() };
        keeper.put().await?;
        let protocol = ServiceProtocol::answer(&jetstream.client(), &instance, health).await?;
        Ok(Self {
            key: keeper.key.clone(),
            bucket: keeper.bucket.clone(),
            settings,
            keeper: AbortOnDropHandle::new(tokio::spawn(keeper.run())),
            protocol,
        })
    }

    /// As [`Registration::register`], when the registry answers.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn register_when_there(
        jetstream: &Context,
        instance: Instance,
        settings: &RegistrySettings,
        health: &Health,
    ) -> Result<Self, Error> {
        let register = || {
            let entered = Self::register(jetstream, instance.clone(), settings.clone(), health.clone());
            async { entered.await.map_err(|error| Error::Unavailable(Box::new(error))) }
        };
        until_available("the registry", register).await
    }

    /// Completes when an operator has asked this instance to leave. The asker has been told that it will.
    pub async fn drained(&self) {
        self.protocol.drained.cancelled().await;
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

/// Answers `$SRV.*` for an instance. Its calls are gRPC: the one endpoint it has there asks it to leave.
struct ServiceProtocol {
    service: Option<Service>,
    drained: CancellationToken,
    _asked: AbortOnDropHandle<()>,
}

impl ServiceProtocol {
    async fn answer(
        client: &async_nats::Client,
        instance: &Instance,
        health: Health,
    ) -> Result<Self, RegistryError> {
        let id = instance.id.clone();
        let metadata = HashMap::from([
            ("instance".to_owned(), id.clone()),
            ("address".to_owned(), instance.address.clone()),
        ]);
        let stats = move |_, _| {
            let stats = Stats { instance: id.clone(), report: health.report() };
            serde_json::to_value(stats).unwrap_or_default()
        };
        let builder = client.service_builder().description("gRPC").metadata(metadata).stats_handler(stats);
        let service =
            builder.start(&instance.service, &instance.version).await.map_err(RegistryError::Protocol)?;
        let subject = drain_subject(&instance.service, &instance.id);
        let endpoint = service.endpoint_builder().name("drain").add(subject).await;
        let mut requests = endpoint.map_err(RegistryError::Protocol)?;
        let drained = CancellationToken::new();
        let told = drained.clone();
        let client = client.clone();
        let asked = tokio::spawn(async move {
            if let Some(request) = requests.next().await {
                if let Err(error) = request.respond(Ok(Bytes::new())).await {
                    tracing::debug!(%error, "whoever asked this instance to leave was not told that it will");
                }
                // The connection may be closed next.
                let _ = tokio::time::timeout(Duration::from_secs(1), client.flush()).await;
                told.cancel();
            }
        });
        Ok(Self { service: Some(service), drained, _asked: AbortOnDropHandle::new(asked) })
    }
}

impl Drop for ServiceProtocol {
    fn drop(&mut self) {
        // A dropped `Service` goes on answering; a stopped one does not, and stopping never waits.
        let _ = self.service.take().and_then(|service| service.stop().now_or_never());
    }
}
