//! Everybody's entries, as the gateway sees them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use async_nats::jetstream::{self, kv};
use futures::StreamExt;
use tokio::sync::watch;

use super::{Instance, RegistryError, RegistrySettings, bucket};
use crate::error::Chain;

type Picture = HashMap<String, Arc<[Instance]>>;

/// A live picture of the registry. Clones share it; the watch ends with the last one.
#[derive(Clone)]
pub struct Directory {
    picture: watch::Receiver<Picture>,
}

impl Directory {
    /// Watches the registry from now on. While the broker is away the last picture stays: an outage of the
    /// registry does not take the mesh down.
    pub fn watch(jetstream: jetstream::Context, settings: RegistrySettings) -> Self {
        let (sender, picture) = watch::channel(Picture::new());
        tokio::spawn(async move {
            let mut entries = Entries::new(sender, settings);
            let mut told = false;
            while !entries.picture.is_closed() {
                match entries.follow(&jetstream).await {
                    Ok(()) => told = false,
                    Err(error) => {
                        if !told {
                            tracing::warn!(error = %Chain(&error), "the registry is not watched; the last picture stays");
                        }
                        told = true;
                    }
                }
                tokio::time::sleep(entries.settings.ttl / 6).await;
            }
        });
        Self { picture }
    }

    /// Static addresses, e.g. names of Kubernetes services.
    pub fn fixed(addresses: HashMap<String, Vec<String>>) -> Self {
        let picture = addresses
            .into_iter()
            .map(|(service, addresses)| {
                let instances = addresses.into_iter().map(|address| Instance {
                    service: service.clone(),
                    id: address.clone(),
                    address,
                    version: String::new(),
                    started_at: 0,
                });
                let instances = instances.collect();
                (service, instances)
            })
            .collect();
        // A receiver keeps its value when the sender is gone.
        Self { picture: watch::channel(picture).1 }
    }

    /// The live instances of a service.
    pub fn instances(&self, service: &str) -> Arc<[Instance]> {
        self.picture.borrow().get(service).cloned().unwrap_or_default()
    }

    /// Completes when the picture has changed since the last call; never again when it cannot change any more.
    pub async fn changed(&mut self) {
        if self.picture.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

struct Entries {
    settings: RegistrySettings,
    seen: BTreeMap<String, (Instance, Moment)>,
    picture: watch::Sender<Picture>,
}

impl Entries {
    fn new(picture: watch::Sender<Picture>, settings: RegistrySettings) -> Self {
        Self { settings, seen: BTreeMap::new(), picture }
    }

    /// Follows the bucket until the watch breaks or nobody looks any more.
    async fn follow(&mut self, jetstream: &jetstream::Context) -> Result<(), RegistryError> {
        let store = bucket(jetstream, &self.settings).await?;
        let mut watch = store.watch_with_history(">").await.map_err(RegistryError::new)?;
        // What was known before the watch began gets one more life to say that it is still there.
        let now = Moment::now();
        self.seen.values_mut().for_each(|(_, at)| *at = now);
        let mut tick = tokio::time::interval(self.settings.ttl / 6);
        let mut last_news = Moment::now();
        loop {
            tokio::select! {
                entry = watch.next() => {
                    let Some(entry) = entry else { return Ok(()) };
                    self.apply(entry.map_err(RegistryError::new)?);
                    last_news = Moment::now();
                }
                _ = tick.tick() => {
                    if self.picture.is_closed() {
                        return Ok(());
                    }
                    // Total silence is the watch's failure, not that of every instance at once.
                    if last_news.elapsed() > self.settings.ttl && !self.seen.is_empty() {
                        return Ok(());
                    }
                    self.prune(self.settings.ttl);
                }
            }
        }
    }

    fn apply(&mut self, entry: kv::Entry) {
        let known = match entry.operation {
            kv::Operation::Put => match serde_json::from_slice::<Instance>(&entry.value) {
                Ok(instance) => {
                    let before = self.seen.insert(entry.key, (instance.clone(), Moment::now()));
                    before.is_some_and(|(before, _)| before == instance)
                }
                Err(error) => {
                    tracing::warn!(key = entry.key, %error, "an entry of the registry cannot be read");
                    true
                }
            },
            kv::Operation::Delete | kv::Operation::Purge => self.seen.remove(&entry.key).is_none(),
        };
        if !known {
            self.publish();
        }
    }

    fn prune(&mut self, ttl: Duration) {
        let before = self.seen.len();
        self.seen.retain(|key, (_, at)| {
            let live = at.elapsed() <= ttl;
            if !live {
                tracing::warn!(key, "an instance stopped refreshing its entry");
            }
            live
        });
        if self.seen.len() != before {
            self.publish();
        }
    }

    fn publish(&self) {
        let mut services = HashMap::<String, Vec<Instance>>::new();
        for (instance, _) in self.seen.values() {
            services.entry(instance.service.clone()).or_default().push(instance.clone());
        }
        let picture = services.into_iter().map(|(service, instances)| (service, instances.into())).collect();
        self.picture.send_replace(picture);
    }
}
