//! The endpoints of one service, kept as the directory tells, and the choice among them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use rand::seq::IndexedRandom;
use tokio_util::task::AbortOnDropHandle;

use super::ChannelSettings;
use super::endpoint::Endpoint;
use crate::mesh::Directory;

type Endpoints = Arc<[Arc<Endpoint>]>;

pub(super) struct Pool {
    endpoints: Arc<RwLock<Endpoints>>,
    // Kept for its Drop.
    _follower: AbortOnDropHandle<()>,
}

impl Pool {
    /// The endpoints of `service`, now and as they change.
    pub(super) fn follow(service: &str, mut directory: Directory, settings: &ChannelSettings) -> Self {
        let (service, settings) = (service.to_owned(), settings.clone());
        let endpoints = Arc::new(RwLock::new(merge(&[], &service, &directory, &settings)));
        let shared = endpoints.clone();
        let follower = tokio::spawn(async move {
            loop {
                directory.changed().await;
                let before = shared.read().unwrap_or_else(PoisonError::into_inner).clone();
                let after = merge(&before, &service, &directory, &settings);
                *shared.write().unwrap_or_else(PoisonError::into_inner) = after;
            }
        });
        Self { endpoints, _follower: AbortOnDropHandle::new(follower) }
    }

    pub(super) fn endpoints(&self) -> Endpoints {
        self.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The less busy of two at random, without those that are ejected or have just failed this call, unless there is
    /// no other.
    pub(super) fn pick(&self, failed: Option<&Arc<Endpoint>>) -> Option<Arc<Endpoint>> {
        let all = self.endpoints();
        let now = Instant::now();
        let others: Vec<_> = all
            .iter()
            .filter(|endpoint| failed.is_none_or(|failed| !Arc::ptr_eq(failed, endpoint)))
            .collect();
        let open: Vec<_> = others.iter().copied().filter(|endpoint| endpoint.is_open(now)).collect();
        let candidates = if !open.is_empty() {
            open
        } else if !others.is_empty() {
            others
        } else {
            all.iter().collect()
        };
        let picked = candidates.sample(&mut rand::rng(), 2).min_by_key(|endpoint| endpoint.load())?;
        picked.begin_call(now);
        Some((*picked).clone())
    }
}

/// Keeps the connections to instances that stay.
fn merge(
    before: &[Arc<Endpoint>],
    service: &str,
    directory: &Directory,
    settings: &ChannelSettings,
) -> Endpoints {
    let known: HashMap<_, _> = before.iter().map(|endpoint| (endpoint.address.as_str(), endpoint)).collect();
    let instances = directory.instances(service);
    let endpoints = instances.iter().filter_map(|instance| match known.get(instance.address.as_str()) {
        Some(endpoint) => Some((*endpoint).clone()),
        None => Endpoint::new(&instance.address, settings).map(Arc::new),
    });
    endpoints.collect()
}
