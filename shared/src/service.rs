//! What user-svc, counseling-svc and payment-svc have in common: from configuration to a clean exit.

mod config;
mod measure;

use std::net::SocketAddr;
use std::time::Duration;

pub use config::ServiceConfig;
use sea_orm_migration::MigratorTrait;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::auth::MeshVerifier;
use crate::config::{ConfigError, Source};
use crate::database::{self, Database};
use crate::error::{Chain, Error};
use crate::grpc::GrpcServer;
use crate::health::{Health, Monitor};
use crate::idempotency::{IdempotencyGrpc, IdempotencyKeys, sweep};
use crate::mesh::{Instance, Registration};
use crate::messaging::{self, Consumer, ConsumerSpec, Nats, PreparingHandler, Relay};
use crate::metrics;
use crate::patience::until_available;
use crate::shutdown::Shutdown;
use crate::time::Clock;
use crate::{id, telemetry};

/// How long callers have to notice that an instance has left the registry.
const NOTICE: Duration = Duration::from_millis(250);

/// A service that has its database and its broker, and is given its workers and its gRPC services.
pub struct Service {
    /// Its database, migrated.
    pub database: Database,
    /// Its broker, with its streams in place.
    pub nats: Nats,
    /// Tells the time to commands.
    pub clock: Clock,
    /// What it says of itself.
    pub health: Health,
    name: &'static str,
    config: ServiceConfig,
    workers: Shutdown,
}

impl Service {
    /// Opens and migrates the database, connects to the broker as soon as it answers, and reconciles it.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated, or the broker refuses the streams.
    pub async fn prepare<M: MigratorTrait>(
        name: &'static str,
        config: ServiceConfig,
        clock: Clock,
    ) -> Result<Self, Error> {
        let (workers, health) = (Shutdown::default(), Health::default());
        if let Some(listen) = config.metrics {
            crate::metrics::serve(listen, &health).await?;
        }
        let database = Database::connect(&config.database).await?;
        until_available("the database", || database::migrate::<M>(&database)).await?;
        // Boxed, here and below: the futures of the broker's client are large, and callers hold them on the stack.
        let nats = Box::pin(Nats::connect_when_there(&config.nats, name, &workers))
            .await
            .ok_or_else(|| Error::internal("shutdown began before the broker answered"))?;
        #[cfg(feature = "sabotage")]
        crate::sabotage::reach(&nats);
        let reconcile = || messaging::reconcile(&nats, &config.topology, name);
        until_available("the streams", reconcile).await?;
        let monitor = Monitor::new(&health, &nats, &config.nats).with_database(database.clone());
        workers.spawn(monitor.run(workers.clone()));
        Ok(Self { database, nats, clock, health, name, config, workers })
    }

    /// Runs a consumer in the background.
    pub fn consume<H: PreparingHandler>(&self, spec: &'static ConsumerSpec, handler: H) {
        let consumer = Consumer {
            spec,
            handler,
            nats: self.nats.clone(),
            database: self.database.clone(),
            settings: self.config.consumers.clone(),
            topology: self.config.topology.clone(),
        };
        self.workers.spawn(consumer.run(self.workers.clone()));
        if metrics::are_served() {
            let following =
                messaging::measure::follow_consumer(self.nats.clone(), spec, self.workers.clone());
            self.workers.spawn(following);
        }
    }

    /// Runs `task` in the background until shutdown begins.
    pub fn spawn<F>(&self, task: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.workers.spawn(task(self.workers.clone()));
    }

    /// What the keys of clients stand for here. Those that have expired are forgotten in the background.
    pub fn idempotency_keys(&self) -> IdempotencyGrpc {
        let keys = IdempotencyKeys::new(&self.database, &self.clock, self.config.idempotency_keep);
        self.spawn(|shutdown| sweep::run(keys.clone(), shutdown));
        IdempotencyGrpc::new(keys)
    }

    /// Starts the relay and the gRPC server, and enters the registry.
    ///
    /// # Errors
    /// When a method has no rule, the address is in use or the registry cannot be reached.
    pub async fn serve(self, server: GrpcServer) -> Result<Running, Error> {
        server.check()?;
        let listener = TcpListener::bind(self.config.listen).await.map_err(|error| {
            Error::internal(format!("{} cannot be listened on: {error}", self.config.listen))
        })?;
        let address = listener.local_addr().map_err(Error::internal)?;

        let relay = Shutdown::default();
        let publisher =
            Relay::new(self.database.clone(), self.nats.clone(), self.name, self.config.relay.clone());
        relay.spawn(publisher.run(relay.clone()));
        if metrics::are_served() {
            let looking = measure::run(self.database.clone(), self.nats.clone(), self.workers.clone());
            self.workers.spawn(looking);
        }

        let calls = Shutdown::default();
        let tokens =
            MeshVerifier::new(self.name, &self.config.mesh_verifying_keys, self.config.mesh_token_cache)?;
        let tls = self.config.mesh_tls.as_ref().map(|files| files.server(&self.workers)).transpose()?;
        let server = tokio::spawn(server.serve(listener, tokens, tls, self.health.clone(), calls.clone()));

        let instance = Instance {
            service: self.name.to_owned(),
            id: telemetry::instance().unwrap_or_else(id::new_id),
            address: self.config.advertised(address),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.clock.now().as_micros() / 1_000_000,
        };
        let id = instance.id.clone();
        let (jetstream, settings) = (&self.nats.jetstream, &self.config.registry);
        let entering = Registration::register_when_there(jetstream, instance, settings, &self.health);
        let registration = Box::pin(entering).await?;
        // Not before gateways can find it: whoever restarts one instance after the other stops the next one now.
        self.health.serving();
        tracing::info!(%address, instance = id, "ready");
        Ok(Running { address, service: self, registration, calls, relay, server })
    }
}

/// A service at work.
pub struct Running {
    /// Where it serves gRPC.
    pub address: SocketAddr,
    service: Service,
    registration: Registration,
    calls: Shutdown,
    relay: Shutdown,
    server: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Its database, for tests that look inside.
    pub fn database(&self) -> &Database {
        &self.service.database
    }

    /// What it says of itself.
    pub fn health(&self) -> &Health {
        &self.service.health
    }

    /// Waits for SIGTERM, Ctrl-C or an operator who drains it, then stops. Also stops when the server fails by itself.
    ///
    /// # Errors
    /// What the server failed with.
    pub async fn until_signal(mut self) -> Result<(), Error> {
        tokio::select! {
            () = crate::shutdown::signal() => {
                tracing::info!("stopping");
                self.stop().await;
                Ok(())
            }
            () = self.registration.drained() => {
                tracing::info!("drained by an operator; stopping");
                self.stop().await;
                Ok(())
            }
            result = &mut self.server => result.map_err(Error::internal)?,
        }
    }

    /// Leaves the registry, finishes the calls in flight, drains the consumers, flushes the outbox, sends the last spans.
    /// All of it takes no longer than the shutdown limit, and what did not end by then is said.
    pub async fn stop(self) {
        self.service.health.stopping();
        let deadline = Instant::now() + self.service.config.shutdown_limit;
        // Whatever came before, the next step gets a moment.
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(200));
        if tokio::time::timeout(left() / 4, Box::pin(self.registration.leave())).await.is_err() {
            tracing::warn!("the registry did not answer; this instance leaves it by silence");
        }
        // Gateways that hear of it now send no call into the connections that are about to close.
        tokio::time::sleep(NOTICE.min(left() / 4)).await;
        self.calls.begin();
        self.service.workers.begin();
        match tokio::time::timeout(left() / 2, self.server).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(error = %Chain(&error), "the server failed"),
            Ok(Err(error)) => tracing::error!(%error, "the server failed"),
            Err(_) => tracing::warn!("some calls did not finish in time"),
        }
        if !self.service.workers.finish(left() / 2).await {
            tracing::warn!("some consumers did not finish in time; their events are delivered again");
        }
        if !self.relay.finish(left() * 3 / 4).await {
            tracing::warn!("the outbox was not flushed in time; its events are published at the next start");
        }
        self.service.database.close().await;
        telemetry::finish(left()).await;
    }
}

/// The `main` of a service: configuration, then as [`run`].
pub async fn main<F>(
    name: &'static str,
    port: u16,
    start: impl FnOnce(ServiceConfig) -> F,
) -> std::process::ExitCode
where
    F: Future<Output = Result<Running, Error>>,
{
    run(name, ServiceConfig::read(Source::from_environment(), port), start).await
}

/// Runs a service: telemetry, start, and stop at a signal. The exit code is 1 on failure.
pub async fn run<C, F>(
    name: &'static str,
    config: Result<C, ConfigError>,
    start: impl FnOnce(C) -> F,
) -> std::process::ExitCode
where
    C: AsRef<ServiceConfig>,
    F: Future<Output = Result<Running, Error>>,
{
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{name}: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let common = config.as_ref();
    if let Err(error) = telemetry::init(name, common.log_format, common.traces.as_ref()) {
        eprintln!("{name}: {}", Chain(&error));
        return std::process::ExitCode::FAILURE;
    }
    let is_counted = common.metrics.is_some();
    let run = async {
        // Before anything is counted; they are served as soon as there is a health to serve with them.
        if is_counted {
            crate::metrics::keep()?;
        }
        start(config).await?.until_signal().await
    };
    match run.await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "stopped");
            std::process::ExitCode::FAILURE
        }
    }
}
