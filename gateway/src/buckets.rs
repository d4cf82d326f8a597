//! The KV buckets that all gateways share.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Store};
use shared::messaging::Nats;

/// Opens a bucket of one value a key; creates it, or gives it these settings. A value is kept for `max_age`.
pub async fn open(
    nats: &Nats,
    name: &str,
    description: &str,
    max_age: Duration,
    replicas: usize,
) -> Result<Store, async_nats::Error> {
    let config = kv::Config {
        bucket: name.to_owned(),
        description: description.to_owned(),
        history: 1,
        max_age,
        num_replicas: replicas,
        ..kv::Config::default()
    };
    Ok(Box::pin(nats.jetstream.create_or_update_key_value(config)).await?)
}
