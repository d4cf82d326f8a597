//! The live picture of who serves what.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::connection::State;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::kv::{Entry, Operation, Store};
use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::task::AbortOnDropHandle;

use super::{Instance, RegistryError, RegistrySettings, open, within};

/// The instances of each service, ordered by id.
type Picture = HashMap<String, Arc<[Instance]>>;

/// Says which instances of a service live. Clones share one picture.
///
/// An outage of the registry does not empty it: while the registry cannot be watched, the last known picture stays.
#[derive(Clone)]
pub struct Directory {
    picture: watch::Receiver<Picture>,
    // Kept for its Drop: the watch ends with the last clone.
    _follower: Option<Arc<AbortOnDropHandle<()>>>,
}

impl Directory {
    /// Follows the registry in the background; empty until the registry has answered.
    ///
    /// Must be called in a tokio runtime.
    pub fn watch(jetstream: Context, settings: RegistrySettings) -> Self {
        let (sender, picture) = watch::channel(Picture::default());
        let follower = Follower {
            jetstream,
            settings: settings.within_limits(),
            known: HashMap::new(),
            unreadable: HashSet::new(),
            picture: sender,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(follower.run()));
        Self { picture, _follower: Some(Arc::new(task)) }
    }

    /// Addresses (`host:port`) that never change, by service: for platforms that have their own discovery.
    pub fn fixed(addresses: HashMap<String, Vec<String>>) -> Self {
        let instances = |(service, addresses): (String, Vec<String>)| {
            let instance = |address: String| Instance {
                service: service.clone(),
                id: address.clone(),
                address,
                version: String::new(),
                started_at: 0,
            };
            let instances = addresses.into_iter().map(instance).collect();
            (service.clone(), instances)
        };
        let (_, picture) = watch::channel(addresses.into_iter().map(instances).collect());
        Self { picture, _follower: None }
    }

    /// The live instances of `service`, ordered by id.
    pub fn instances(&self, service: &str) -> Arc<[Instance]> {
        self.picture.borrow().get(service).cloned().unwrap_or_default()
    }

    /// Completes when an instance of any service has come or gone since this clone last waited.
    pub async fn changed(&mut self) {
        if self.picture.changed().await.is_err() {
            // Fixed addresses.
            pending::<()>().await;
        }
    }
}

/// What is known about an instance, by its key.
struct Known {
    instance: Instance,
    revision: u64,
    /// When its key was refreshed last, or when the registry came back.
    seen: Instant,
}

/// Keeps the picture.
struct Follower {
    jetstream: Context,
    settings: RegistrySettings,
    known: HashMap<String, Known>,
    /// Keys with a value of a form that this version does not know, so that each is logged once.
    unreadable: HashSet<String>,
    picture: watch::Sender<Picture>,
}

impl Follower {
    async fn run(mut self) {
        let mut lost = false;
        loop {
            let Err(error) = self.follow(&mut lost).await;
            if !lost {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "the registry cannot be watched; its last picture stays");
                lost = true;
            }
            tokio::time::sleep(self.settings.pause()).await;
        }
    }

    /// Watches until that fails.
    async fn follow(&mut self, lost: &mut bool) -> Result<Infallible, RegistryError> {
        let connection = self.connection()?;
        let bucket = open(&self.jetstream, &self.settings).await?;
        let mut entries = within(self.settings.ttl, bucket.watch_with_history(">"))
            .await?
            .map_err(|error| RegistryError::Read(error.into()))?;
        // After an outage nobody could refresh: everybody gets the whole time to do so.
        let now = Instant::now();
        self.known.values_mut().for_each(|known| known.seen = now);
        if std::mem::take(lost) {
            tracing::info!("the registry is watched again");
        }
        let mut clock = tokio::time::interval(self.settings.ttl / 10);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                entry = entries.next() => match entry {
                    Some(Ok(entry)) => self.apply(entry),
                    Some(Err(error)) => return Err(RegistryError::Read(error.into())),
                    None => return Err(RegistryError::Disconnected),
                },
                _ = clock.tick() => {
                    if self.connection()? != connection {
                        return Err(RegistryError::Stale);
                    }
                    self.prune(&bucket).await?;
                }
            }
        }
    }

    /// A number that changes with each connection to the broker.
    fn connection(&self) -> Result<u64, RegistryError> {
        let client = self.jetstream.client();
        match client.connection_state() {
            State::Connected => Ok(client.statistics().connects.load(Ordering::Relaxed)),
            State::Pending | State::Disconnected => Err(RegistryError::Disconnected),
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry.operation {
            Operation::Put => match serde_json::from_slice::<Instance>(&entry.value) {
                Ok(instance) => {
                    let known = Known { instance, revision: entry.revision, seen: Instant::now() };
                    self.known.insert(entry.key, known);
                }
                Err(error) => {
                    if self.unreadable.insert(entry.key.clone()) {
                        tracing::warn!(key = entry.key, %error, "a registry entry cannot be read");
                    }
                }
            },
            Operation::Delete | Operation::Purge => {
                self.known.remove(&entry.key);
                self.unreadable.remove(&entry.key);
            }
        }
        self.publish();
    }

    /// Forgets whom nobody heard of for the time to live, if the registry says the same: a watch that stalls must
    /// not look like the death of everybody.
    async fn prune(&mut self, bucket: &Store) -> Result<(), RegistryError> {
        let silent = |known: &Known| known.seen.elapsed() > self.settings.ttl;
        let silent = self.known.iter().filter(|(_, known)| silent(known)).map(|(key, _)| key.clone());
        for key in silent.collect::<Vec<_>>() {
            let entry = within(self.settings.ttl, bucket.entry(&key))
                .await?
                .map_err(|error| RegistryError::Read(error.into()))?;
            let missed = |entry: Entry| {
                let revision = self.known.get(&key).map(|known| known.revision);
                entry.operation == Operation::Put && Some(entry.revision) != revision
            };
            if entry.is_some_and(missed) {
                return Err(RegistryError::Stale);
            }
            tracing::info!(key, "an instance fell silent");
            self.known.remove(&key);
        }
        self.publish();
        Ok(())
    }

    /// Tells whoever waits for a change, if there is one.
    fn publish(&self) {
        let mut picture = HashMap::<String, Vec<Instance>>::new();
        for Known { instance, .. } in self.known.values() {
            picture.entry(instance.service.clone()).or_default().push(instance.clone());
        }
        let ordered = |(service, mut instances): (String, Vec<Instance>)| {
            instances.sort_by(|one, other| one.id.cmp(&other.id));
            (service, instances.into())
        };
        let picture: Picture = picture.into_iter().map(ordered).collect();
        self.picture.send_if_modified(|current| {
            let changed = *current != picture;
            *current = picture;
            changed
        });
    }
}
