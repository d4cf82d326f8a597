//! The gateway: REST on one side, gRPC to the services on the other.

mod admins;
mod buckets;
mod config;
mod console;
mod dto;
mod edge;
mod envelope;
mod events;
mod examples;
mod feed;
mod gate;
mod idempotency;
mod images;
mod input;
mod measure;
mod observe;
mod origins;
mod resources;
mod router;
mod session;
mod signin;
mod stack;
mod status;
mod upstream;
mod web_chat;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use admins::grant_admin;
pub use config::{Config, MEANINGS};
use console::Console;
pub use edge::{EdgeSettings, Rate, TlsFiles};
use edge::{Pressure, RateLimits, Server};
pub use feed::FeedSettings;
use feed::Feeds;
use images::Images;
pub use images::{ImageSettings, S3Settings, StoreSettings};
pub use session::SessionKeySettings;
use session::{RevokedSessions, Sessions};
use shared::auth::MeshSigner;
use shared::error::Error;
use shared::health::{Health, Monitor};
use shared::mesh::{Directory, GATEWAY, Instance, MeshChannel, Registration, SERVICES};
use shared::messaging::Nats;
use shared::patience::until_available;
use shared::shutdown::Shutdown;
use shared::{id, telemetry, time::Clock};
use signin::SignIn;
pub use signin::{NaverSettings, OpenIdSettings, Provider, SignInSettings};
use tokio::net::TcpListener;
use upstream::Upstream;

/// What handlers need.
pub struct App {
    upstream: Upstream,
    sessions: Sessions,
    sign_in: SignIn,
    rates: Arc<RateLimits>,
    revoked: Arc<RevokedSessions>,
    images: Images,
    feeds: Feeds,
    console: Option<Arc<Console>>,
    shutdown: Shutdown,
    directory: Directory,
    health: Health,
    request_timeout: Duration,
    keep_alive: Duration,
    body_limit: usize,
}

/// Connects to the broker as soon as it answers, and serves.
///
/// # Errors
/// When the address is in use or the registry refuses.
pub async fn start(config: Config) -> Result<Running, Error> {
    let (shutdown, health) = (Shutdown::default(), Health::default());
    if let Some(listen) = config.metrics {
        shared::metrics::serve(listen, &health).await?;
    }
    // Boxed, here and below: the futures of the broker's client are large, and callers hold them on the stack.
    let config = Box::new(config);
    let nats = Box::pin(Nats::connect_when_there(&config.nats, GATEWAY, &shutdown))
        .await
        .ok_or_else(|| Error::internal("shutdown began before the broker answered"))?;
    let (directory, upstream) = reach(&config, &nats, &shutdown)?;
    let known = directory.clone();
    health.needs(move || without_instance(&known));
    shutdown.spawn(Monitor::new(&health, &nats, &config.nats).run(shutdown.clone()));
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Error::internal(format!("{} cannot be listened on: {error}", config.listen)))?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let images = Images::open(config.images.clone(), &config.session_keys.key, Clock::system(), address)?;
    let (replicas, key) = (config.registry.replicas, &config.session_keys.key);
    let open = || SignIn::open(&nats, config.sign_in.clone(), replicas, key, address);
    let sign_in = until_available("the bucket of sign-ins", open).await?;
    let follow = || RevokedSessions::follow(nats.clone(), replicas, &shutdown);
    let revoked = until_available("the bucket of closed sessions", follow).await?;
    let feeds = Feeds::start(nats.jetstream.clone(), config.feed.clone(), &shutdown);
    let console = match &config.console {
        Some(settings) => Some(Box::pin(Console::open(settings, &shutdown)).await?),
        None => None,
    };
    let app = Arc::new(App {
        upstream,
        sessions: Sessions::new(&config.session_keys, config.session_cache)?,
        sign_in,
        revoked,
        rates: RateLimits::start(&config.edge, &shutdown),
        images,
        feeds,
        console,
        shutdown: shutdown.clone(),
        directory,
        health: health.clone(),
        request_timeout: config.request_timeout,
        keep_alive: config.keep_alive,
        body_limit: config.body_limit,
    });

    let pressure = Pressure::watch(config.edge.queue_limit, &shutdown);
    let gate = stack::wrap(router::router(app.clone()), &config, &app.rates, pressure, &health);
    let server = Server::new(gate, &config.edge, &shutdown)?;
    health.serving();
    shutdown.spawn(server.run(listener, shutdown.clone()));

    let instance = Instance {
        service: GATEWAY.to_owned(),
        id: telemetry::instance().unwrap_or_else(id::new_id),
        address: address.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Clock::system().now().as_micros() / 1_000_000,
    };
    let registration =
        Registration::register_when_there(&nats.jetstream, instance, &config.registry, &health).await?;
    tracing::info!(%address, "ready");
    Ok(Running { address, health, registration, shutdown, limit: config.shutdown_limit })
}

/// Why requests cannot be served though the gateway can: each reason is a service and what is the matter with it.
fn without_instance(directory: &Directory) -> Vec<String> {
    let missing = SERVICES.into_iter().filter(|service| directory.instances(service).is_empty());
    missing.map(|service| format!("{service}: no instance")).collect()
}

/// The services, found as the configuration says.
fn reach(config: &Config, nats: &Nats, shutdown: &Shutdown) -> Result<(Directory, Upstream), Error> {
    let directory = if config.static_addresses.is_empty() {
        Directory::watch(nats.jetstream.clone(), config.registry.clone())
    } else {
        Directory::fixed(config.static_addresses.clone())
    };
    let signer = MeshSigner::new(&config.mesh_signing_key, config.mesh_token_cache)?;
    let mut settings = config.upstream.clone();
    settings.tls = config.mesh_tls.as_ref().map(|files| files.client(shutdown)).transpose()?;
    let channel = |service| {
        let channel = MeshChannel::new(service, directory.clone(), settings.clone());
        channel.signed_by(signer.clone())
    };
    let upstream = Upstream::new(channel("user-svc"), channel("counseling-svc"), channel("payment-svc"));
    Ok((directory, upstream))
}

/// A gateway at work.
pub struct Running {
    /// Where it serves REST.
    pub address: SocketAddr,
    health: Health,
    registration: Registration,
    shutdown: Shutdown,
    limit: Duration,
}

impl Running {
    /// Completes when an operator has asked this gateway to leave.
    pub async fn drained(&self) {
        self.registration.drained().await;
    }

    /// Leaves the registry, stops accepting, finishes the requests in flight, and sends the last spans.
    pub async fn stop(self) {
        let deadline = Instant::now() + self.limit;
        self.health.stopping();
        if tokio::time::timeout(self.limit / 4, self.registration.leave()).await.is_err() {
            tracing::warn!("the registry did not answer; this instance leaves it by silence");
        }
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(200));
        // A request that hangs is the one whose spans are wanted: they get some of the time.
        if !self.shutdown.finish(left() * 3 / 4).await {
            tracing::warn!("some requests did not finish in time");
        }
        telemetry::finish(left()).await;
    }
}
