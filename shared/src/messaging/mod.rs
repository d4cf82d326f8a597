//! Events over NATS JetStream: the outbox and its relay, durable consumers with an inbox, dead letters.

mod consumer;
pub mod dead_letter;
mod event;
pub(crate) mod inbox;
mod migration;
pub(crate) mod outbox;
mod relay;
#[cfg(test)]
mod tests;
mod topology;

use std::time::Duration;

use async_nats::jetstream;
pub use consumer::{Consumer, ConsumerSettings, Handler, HandlerError, PreparingHandler};
pub use event::{Event, ReceivedEvent};
pub use migration::CreateMessagingTables;
pub use outbox::OutboxSignal;
pub use relay::{Relay, RelaySettings};
pub use topology::{
    CONSUMERS, CREDIT_TOKENS, ConsumerSpec, DEAD_LETTERS, ERASE_USERS, KEEP_CUSTOMERS, SETTLE_RESERVATIONS,
    STREAMS, StreamSpec, TRACK_USERS, TopologySettings, UNDERSTAND_COUNSELS, reconcile,
};

use crate::Error;
use crate::shutdown::Shutdown;

/// A connection to the broker.
#[derive(Clone)]
pub struct Nats {
    /// Core NATS.
    pub client: async_nats::Client,
    /// Streams and key-value buckets.
    pub jetstream: jetstream::Context,
}

impl Nats {
    /// Connects as `name`, and reconnects without a limit whenever the broker goes away.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker cannot be reached now.
    pub async fn connect(url: &str, name: &str) -> Result<Self, Error> {
        let client = async_nats::ConnectOptions::new()
            .name(name)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                let exponent = u32::try_from(attempts.min(5)).unwrap_or(5);
                Duration::from_millis(100 * 2_u64.pow(exponent)).min(Duration::from_secs(2))
            })
            .event_callback(|event| async move { tracing::info!(%event, "broker connection") })
            .connect(url)
            .await
            .map_err(|error| Error::Unavailable(Box::new(error)))?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream })
    }

    /// Connects as [`Nats::connect`] does, trying again until shutdown begins.
    pub async fn connect_when_there(url: &str, name: &str, shutdown: &Shutdown) -> Option<Self> {
        let mut told = false;
        loop {
            match Self::connect(url, name).await {
                Ok(nats) => return Some(nats),
                Err(error) if !told => {
                    tracing::warn!(%error, "the broker does not answer yet; trying until it does");
                    told = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.begun() => return None,
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }
}
