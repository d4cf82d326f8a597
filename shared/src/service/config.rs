//! What a service is told by its environment.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{ConfigError, Source};
use crate::database::DatabaseSettings;
use crate::keys::VerifyingKey;
use crate::mesh::{MeshTlsFiles, RegistrySettings};
use crate::messaging::{ConsumerSettings, NatsSettings, RelaySettings, TopologySettings};
use crate::telemetry::{LogFormat, TraceSettings};
use crate::token_cache::TOKENS;

/// The configuration of a service.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// `LISTEN_ADDR`: where gRPC is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `ADVERTISE_ADDR`: where other processes reach it, when that differs from where it listens.
    pub advertise: Option<String>,
    /// `NATS_URL`, `NATS_USER`, `NATS_PASSWORD`, `NATS_CA`.
    pub nats: NatsSettings,
    /// `DATABASE_URL`, `DATABASE_MAX_CONNECTIONS`, `DATABASE_MAX_WRITERS`.
    pub database: DatabaseSettings,
    /// `MESH_VERIFYING_KEYS`: public keys (PEM) that the gateway may sign calls with.
    pub mesh_verifying_keys: Vec<VerifyingKey>,
    /// `MESH_TOKEN_CACHE`: how many tokens of calls are not verified again when they come back.
    pub mesh_token_cache: usize,
    /// `MESH_TLS_CERT`, `MESH_TLS_KEY`, `MESH_TLS_CA`: with them only the gateway can connect, by its certificate.
    pub mesh_tls: Option<MeshTlsFiles>,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `METRICS_ADDR`: where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// `OTEL_…`: where traces are exported to, if they are.
    pub traces: Option<TraceSettings>,
    /// `STREAM_REPLICAS`, `STREAM_MAX_AGE` (seconds), `STREAM_MAX_BYTES`, `CONSUMER_ACK_WAIT` (seconds).
    pub topology: TopologySettings,
    /// `CONSUMER_MAX_DELIVERIES`, `CONSUMER_FIRST_PAUSE`, `CONSUMER_LONGEST_PAUSE` (seconds).
    pub consumers: ConsumerSettings,
    /// `RELAY_POLL_INTERVAL`, `RELAY_LEASE`, `RELAY_KEEP` (seconds).
    pub relay: RelaySettings,
    /// `IDEMPOTENCY_KEEP` (seconds): how long an `Idempotency-Key` stands for its request.
    pub idempotency_keep: Duration,
    /// `REGISTRY_TTL` (seconds): how long a silent instance stays in the registry.
    pub registry: RegistrySettings,
    /// `SHUTDOWN_LIMIT` (seconds): how long what is in flight may take at the end.
    pub shutdown_limit: Duration,
}

impl ServiceConfig {
    /// Reads the configuration; `port` is the service's default one on the loopback address.
    ///
    /// # Errors
    /// Names every key that is missing or wrong.
    pub fn read(mut source: Source, port: u16) -> Result<Self, ConfigError> {
        let config = Self::collect(&mut source, port);
        source.finish(|| config)
    }

    /// Where others reach a process that listens there. One that listens everywhere, as in a container, is reached where
    /// it reaches the broker from.
    pub(super) fn advertised(&self, listens: SocketAddr) -> String {
        if let Some(told) = &self.advertise {
            return told.clone();
        }
        let everywhere = listens.ip().is_unspecified();
        let reached = everywhere.then(|| self.nats.reached_from()).flatten();
        SocketAddr::new(reached.unwrap_or(listens.ip()), listens.port()).to_string()
    }

    /// Reads it as a part of a larger configuration, whose [`Source::finish`] names what is missing or wrong.
    pub fn collect(source: &mut Source, port: u16) -> Option<Self> {
        let listen = source.or("listen.addr", SocketAddr::from(([127, 0, 0, 1], port)));
        let advertise = source.optional("advertise.addr");
        let nats = NatsSettings::read(source);
        let log_format = source.or("log.format", LogFormat::Auto);
        let metrics = source.optional("metrics.addr");
        let traces = TraceSettings::read(source);
        // A password may be in it.
        let database_url = source.secret("database.url", 1);
        let max_connections = source.or("database.max.connections", DatabaseSettings::connections());
        let max_writers = source.or("database.max.writers", DatabaseSettings::writers());
        let mesh_verifying_keys = read_verifying_keys(source);
        let mesh_token_cache = source.or("mesh.token.cache", TOKENS);
        let mesh_tls = MeshTlsFiles::read(source);
        let topology = read_topology(source);
        let consumers = read_consumers(source);
        let relay = read_relay(source);
        let idempotency_keep = source.seconds("idempotency.keep", Duration::from_secs(86_400));
        let mut registry = RegistrySettings { replicas: topology.replicas, ..RegistrySettings::default() };
        registry.ttl = source.seconds("registry.ttl", registry.ttl);
        let shutdown_limit = source.seconds("shutdown.limit", Duration::from_secs(8));
        let database = DatabaseSettings { url: database_url?, max_connections, max_writers };
        let mesh_verifying_keys = mesh_verifying_keys?;
        Some(Self {
            listen,
            advertise,
            nats,
            database,
            mesh_verifying_keys,
            mesh_token_cache,
            mesh_tls,
            log_format,
            metrics,
            traces,
            topology,
            consumers,
            relay,
            idempotency_keep,
            registry,
            shutdown_limit,
        })
    }
}

impl AsRef<Self> for ServiceConfig {
    fn as_ref(&self) -> &Self {
        self
    }
}

fn read_verifying_keys(source: &mut Source) -> Option<Vec<VerifyingKey>> {
    let keys = source.secret("mesh.verifying.keys", 1)?;
    let keys = VerifyingKey::all_from_pem(&keys).ok().filter(|keys| !keys.is_empty());
    if keys.is_none() {
        source.refuse("mesh.verifying.keys", "must be public Ed25519 keys in PEM");
    }
    keys
}

fn read_topology(source: &mut Source) -> TopologySettings {
    let defaults = TopologySettings::default();
    let topology = TopologySettings {
        replicas: source.or("stream.replicas", defaults.replicas),
        max_age: source.seconds("stream.max.age", defaults.max_age),
        max_bytes: source.or("stream.max.bytes", defaults.max_bytes),
        ack_wait: source.seconds("consumer.ack.wait", defaults.ack_wait),
    };
    if !matches!(topology.replicas, 1 | 3 | 5) {
        source.refuse("stream.replicas", "must be 1, 3 or 5");
    }
    topology
}

fn read_consumers(source: &mut Source) -> ConsumerSettings {
    let defaults = ConsumerSettings::default();
    ConsumerSettings {
        max_deliveries: source.or("consumer.max.deliveries", defaults.max_deliveries),
        first_pause: source.seconds("consumer.first.pause", defaults.first_pause),
        longest_pause: source.seconds("consumer.longest.pause", defaults.longest_pause),
        pull_expiry: defaults.pull_expiry,
    }
}

fn read_relay(source: &mut Source) -> RelaySettings {
    let defaults = RelaySettings::default();
    RelaySettings {
        poll_interval: source.seconds("relay.poll.interval", defaults.poll_interval),
        lease: source.seconds("relay.lease", defaults.lease),
        keep: source.seconds("relay.keep", defaults.keep),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::mesh_signing_key;

    fn config(more: &[(&str, &str)]) -> ServiceConfig {
        let key = mesh_signing_key().verifying().to_pem().unwrap();
        let common = [("DATABASE_URL", "sqlite::memory:"), ("MESH_VERIFYING_KEYS", key.as_str())];
        let all = common.iter().chain(more);
        let source = Source::new(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        ServiceConfig::read(source, 50051).unwrap()
    }

    #[test]
    fn who_listens_everywhere_is_reached_where_it_reaches_the_broker_from() {
        let (here, everywhere): (SocketAddr, SocketAddr) =
            ("127.0.0.1:7".parse().unwrap(), "0.0.0.0:7".parse().unwrap());
        assert_eq!(config(&[]).advertised(here), "127.0.0.1:7");
        assert_eq!(config(&[("NATS_URL", "nats://127.0.0.1:4222")]).advertised(everywhere), "127.0.0.1:7");
        let told = config(&[("ADVERTISE_ADDR", "svc.example:9")]);
        assert_eq!(told.advertised(everywhere), "svc.example:9");
    }

    #[test]
    fn the_database_and_the_authority_of_the_broker_may_be_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://user:word@host/name\n").unwrap();
        let config = config(&[
            ("DATABASE_URL", ""),
            ("DATABASE_URL_FILE", file.to_str().unwrap()),
            ("NATS_CA", "/run/secrets/ca.pem"),
        ]);
        assert_eq!(config.database.url.expose(), "postgres://user:word@host/name");
        assert_eq!(config.nats.ca.as_deref(), Some(std::path::Path::new("/run/secrets/ca.pem")));
    }
}
