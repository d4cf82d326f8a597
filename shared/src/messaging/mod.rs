//! Events over NATS JetStream: the outbox and its relay, durable consumers with an inbox, dead letters.

mod consumer;
pub mod dead_letter;
mod event;
pub(crate) mod inbox;
pub(crate) mod measure;
mod migration;
pub(crate) mod outbox;
pub mod permissions;
mod relay;
#[cfg(test)]
mod tests;
mod topology;

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, Event as ClientEvent, ServerAddr, jetstream};
pub use consumer::{Consumer, ConsumerSettings, Handler, HandlerError, PreparingHandler};
pub(crate) use event::{Cause, MESSAGE_ID, OutgoingHeaders, type_of};
pub use event::{Event, ReceivedEvent};
pub use migration::{CreateMessagingTables, IndexPublishedAlone};
pub use outbox::OutboxSignal;
pub use relay::{Relay, RelaySettings};
pub use topology::{
    CONSUMERS, CREDIT_TOKENS, ConsumerSpec, DEAD_LETTERS, ERASE_USERS, KEEP_CUSTOMERS, KEEP_PASSES,
    OPERATIONS, SETTLE_RESERVATIONS, STREAMS, StreamSpec, TRACK_USERS, TopologySettings, UNDERSTAND_COUNSELS,
    reconcile,
};

use crate::Error;
use crate::config::{Secret, Source};
use crate::shutdown::Shutdown;

/// Where the broker is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsSettings {
    /// `NATS_URL`: a server, or several of a cluster with commas between them.
    pub url: String,
    /// `NATS_USER` and `NATS_PASSWORD`, where the broker wants to know; see [`permissions`].
    pub login: Option<(String, Secret)>,
    /// `NATS_CA`: certificates (PEM) of the authority that vouches for servers at `tls://` addresses, beside those that
    /// the system trusts.
    pub ca: Option<PathBuf>,
}

impl NatsSettings {
    /// Reads the settings.
    pub fn read(source: &mut Source) -> Self {
        let url = source.or("nats.url", "nats://127.0.0.1:4222".to_owned());
        let user = source.optional::<String>("nats.user");
        let password = source.optional_secret("nats.password", 1);
        if url.split(',').any(|server| server.trim().parse::<ServerAddr>().is_err()) {
            source.refuse(
                "nats.url",
                "must be addresses such as nats://127.0.0.1:4222, with commas between them",
            );
        }
        if user.is_some() != password.is_some() {
            source.refuse("nats.user", "give NATS_USER and NATS_PASSWORD, or neither");
        }
        Self { url, login: user.zip(password), ca: source.optional("nats.ca") }
    }

    /// Whether there are several servers to choose from.
    pub(crate) fn is_cluster(&self) -> bool {
        self.servers().len() > 1
    }

    fn servers(&self) -> Vec<&str> {
        self.url.split(',').map(str::trim).collect()
    }

    /// The address of this machine from which it reaches the broker. Nothing is sent to find out.
    pub(crate) fn reached_from(&self) -> Option<IpAddr> {
        let server = self.servers().first()?.parse::<ServerAddr>().ok()?;
        let found = (server.host(), server.port()).to_socket_addrs().ok()?;
        found.into_iter().find_map(|address| {
            let any: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
            let socket = UdpSocket::bind((any, 0)).ok()?;
            socket.connect(address).ok()?;
            Some(socket.local_addr().ok()?.ip())
        })
    }

    /// How a client shows who it is. Its answers go where nobody else may listen.
    pub(crate) fn options(&self) -> ConnectOptions {
        let options = match &self.login {
            Some((user, password)) => {
                ConnectOptions::with_user_and_password(user.clone(), password.expose().to_owned())
                    .custom_inbox_prefix(permissions::inbox(user))
            }
            None => ConnectOptions::new(),
        };
        match &self.ca {
            Some(ca) => options.add_root_certificates(ca.clone()),
            None => options,
        }
    }
}

/// How long to wait before an attempt to connect, from 1. The client asks before the very first one too.
fn pause_before(attempt: usize) -> Duration {
    match attempt.checked_sub(2) {
        None => Duration::ZERO,
        Some(failed_again) => {
            let exponent = u32::try_from(failed_again.min(5)).unwrap_or(5);
            Duration::from_millis(100 * 2_u64.pow(exponent)).min(Duration::from_secs(2))
        }
    }
}

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
    pub async fn connect(settings: &NatsSettings, name: &str) -> Result<Self, Error> {
        Self::connect_with(named(settings, name), settings).await
    }

    /// As [`Nats::connect`], but does not wait: the connection comes about when the broker is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the address is none.
    pub async fn connect_in_background(settings: &NatsSettings, name: &str) -> Result<Self, Error> {
        Self::connect_with(named(settings, name).retry_on_initial_connect(), settings).await
    }

    async fn connect_with(options: ConnectOptions, settings: &NatsSettings) -> Result<Self, Error> {
        let client = options.connect(settings.servers()).await;
        let client = client.map_err(|error| Error::Unavailable(Box::new(error)))?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream })
    }

    /// Connects as [`Nats::connect`] does, trying again until shutdown begins.
    pub async fn connect_when_there(
        settings: &NatsSettings,
        name: &str,
        shutdown: &Shutdown,
    ) -> Option<Self> {
        let mut told = false;
        loop {
            match Self::connect(settings, name).await {
                Ok(nats) => return Some(nats),
                Err(error) if !told => {
                    tracing::warn!(%error, "no connection to the broker yet; trying until there is");
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

/// How a client connects: for good, whatever becomes of the broker.
fn named(settings: &NatsSettings, name: &str) -> ConnectOptions {
    settings.options().name(name).max_reconnects(None).reconnect_delay_callback(pause_before).event_callback(
        |event| async move {
            measure::connection(&event);
            match event {
                // Such as a subject that is not ours to use.
                ClientEvent::ServerError(error) => tracing::warn!(%error, "the broker refuses"),
                event => tracing::info!(%event, "broker connection"),
            }
        },
    )
}
