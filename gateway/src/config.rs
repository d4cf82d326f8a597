//! The gateway's configuration.

mod meanings;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

pub use meanings::MEANINGS;
use shared::config::{ConfigError, Source};
use shared::keys::SigningKey;
use shared::mesh::{ChannelSettings, MeshTlsFiles, RegistrySettings, SERVICES};
use shared::messaging::NatsSettings;
use shared::telemetry::{LogFormat, TraceSettings};
use shared::token_cache::TOKENS;

use crate::edge::EdgeSettings;
use crate::feed::FeedSettings;
use crate::images::ImageSettings;
use crate::session::SessionKeySettings;
use crate::signin::SignInSettings;

/// What the gateway needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LISTEN_ADDR`.
    pub listen: SocketAddr,
    /// `NATS_URL`, `NATS_USER`, `NATS_PASSWORD`, `NATS_CA`.
    pub nats: NatsSettings,
    /// `MESH_SIGNING_KEY` (PKCS #8, PEM): signs the calls to the services.
    pub mesh_signing_key: SigningKey,
    /// `MESH_TOKEN_CACHE`: of how many callers the tokens are used for more than one call.
    pub mesh_token_cache: usize,
    /// `SESSION_CACHE`: how many access tokens are not verified again when they come back.
    pub session_cache: usize,
    /// `MESH_TLS_CERT`, `MESH_TLS_KEY`, `MESH_TLS_CA`: with them it talks only to services with a good certificate.
    pub mesh_tls: Option<MeshTlsFiles>,
    /// `SESSION_KEY`, `SESSION_EDDSA_KEY`, `SESSION_OLD_KEYS`, `SESSION_EDDSA_OLD_KEYS`: of access and refresh tokens.
    pub session_keys: SessionKeySettings,
    /// `PUBLIC_URL`, `REDIRECT_ORIGINS`, `KAKAO_…`, `NAVER_…`, `ADMIN_ACCOUNTS`.
    pub sign_in: SignInSettings,
    /// `CORS_ORIGINS`: origins of pages that may call with credentials.
    pub cors_origins: Vec<String>,
    /// `DEVELOPMENT`: pages on any port of localhost may call as well.
    pub development: bool,
    /// `RATE_…`, `TRUSTED_PROXIES`, `HEADER_TIMEOUT`, `CONNECTIONS`, `QUEUE_LIMIT`, `TLS_CERT`, `TLS_KEY`.
    pub edge: EdgeSettings,
    /// `BODY_LIMIT`: the most bytes of a request's body.
    pub body_limit: usize,
    /// `REQUEST_TIMEOUT` (seconds): how long an answer may take.
    pub request_timeout: Duration,
    /// `KEEP_ALIVE` (seconds): how long a stream of events may be silent before it shows that it lives.
    pub keep_alive: Duration,
    /// `UPSTREAM_DEADLINE` (seconds), `UPSTREAM_CONCURRENCY`, `UPSTREAM_CONCURRENCY_MIN`: of calls to each service.
    pub upstream: ChannelSettings,
    /// `STATIC_USER_SVC`, `STATIC_COUNSELING_SVC`, `STATIC_PAYMENT_SVC`: addresses in place of the registry.
    pub static_addresses: HashMap<String, Vec<String>>,
    /// `REGISTRY_TTL` (seconds), `STREAM_REPLICAS`, which is that of the gateway's own buckets as well.
    pub registry: RegistrySettings,
    /// `IMAGE_STORE`, `IMAGE_MAX_BYTES`, `IMAGE_FOLDER`, `PUBLIC_URL`, `S3_…`.
    pub images: ImageSettings,
    /// `FEED_HISTORY` (seconds), `FEED_EVENTS`, `FEED_CONNECTIONS`, `FEED_CONNECTIONS_PER_USER`.
    pub feed: FeedSettings,
    /// `CONSOLE_NATS_USER`, `CONSOLE_NATS_PASSWORD`: with them there is a console for operators, which is that user of
    /// the broker.
    pub console: Option<NatsSettings>,
    /// `SHUTDOWN_LIMIT` (seconds): how long requests in flight may take at the end.
    pub shutdown_limit: Duration,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `METRICS_ADDR`: where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// `OTEL_…`: where traces are exported to, if they are.
    pub traces: Option<TraceSettings>,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names every key that is missing or wrong.
    pub fn read(mut source: Source) -> Result<Self, ConfigError> {
        let listen = source.or("listen.addr", SocketAddr::from(([127, 0, 0, 1], 8080)));
        let nats = NatsSettings::read(&mut source);
        let mesh_signing_key = read_signing_key(&mut source);
        let mesh_token_cache = source.or("mesh.token.cache", TOKENS);
        let session_cache = source.or("session.cache", TOKENS);
        let mesh_tls = MeshTlsFiles::read(&mut source);
        let session_keys = SessionKeySettings::read(&mut source);
        let cors_origins = source.list("cors.origins");
        let development = source.or("development", false);
        let sign_in = SignInSettings::read(&mut source, &cors_origins, development);
        let edge = EdgeSettings::read(&mut source, development);
        let body_limit = source.or("body.limit", 64 * 1024);
        let request_timeout = source.seconds("request.timeout", Duration::from_secs(60));
        let keep_alive = source.seconds("keep.alive", Duration::from_secs(15));
        let mut upstream = ChannelSettings::default();
        upstream.deadline = source.seconds("upstream.deadline", upstream.deadline);
        upstream.concurrency = source.or("upstream.concurrency", upstream.concurrency);
        // In development a service is slow because of a compiler or a debugger, and not because it is asked too much.
        let fewest = if development { upstream.concurrency } else { upstream.min_concurrency };
        upstream.min_concurrency = source.or("upstream.concurrency.min", fewest);
        let static_addresses = read_static_addresses(&mut source);
        let images = ImageSettings::read(&mut source);
        let registry = read_registry(&mut source);
        let feed = read_feed(&mut source);
        let console = read_console(&mut source, &nats);
        let shutdown_limit = source.seconds("shutdown.limit", Duration::from_secs(8));
        let log_format = source.or("log.format", LogFormat::Auto);
        let metrics = source.optional("metrics.addr");
        let traces = TraceSettings::read(&mut source);
        source.finish(|| {
            Some(Self {
                listen,
                nats,
                mesh_signing_key: mesh_signing_key?,
                mesh_token_cache,
                session_cache,
                mesh_tls,
                session_keys: session_keys?,
                sign_in: sign_in?,
                edge,
                cors_origins,
                development,
                body_limit,
                request_timeout,
                keep_alive,
                upstream,
                static_addresses,
                registry,
                images: images?,
                feed,
                console,
                shutdown_limit,
                log_format,
                metrics,
                traces,
            })
        })
    }
}

fn read_signing_key(source: &mut Source) -> Option<SigningKey> {
    let key = SigningKey::from_pem(&source.secret("mesh.signing.key", 1)?).ok();
    if key.is_none() {
        source.refuse("mesh.signing.key", "must be an Ed25519 key, PKCS #8 in PEM");
    }
    key
}

fn read_registry(source: &mut Source) -> RegistrySettings {
    let defaults = RegistrySettings::default();
    let replicas = source.or("stream.replicas", defaults.replicas);
    if !matches!(replicas, 1 | 3 | 5) {
        source.refuse("stream.replicas", "must be 1, 3 or 5");
    }
    RegistrySettings { replicas, ttl: source.seconds("registry.ttl", defaults.ttl) }
}

fn read_feed(source: &mut Source) -> FeedSettings {
    let defaults = FeedSettings::default();
    FeedSettings {
        history: source.seconds("feed.history", defaults.history),
        events: source.or("feed.events", defaults.events),
        connections: source.or("feed.connections", defaults.connections),
        connections_per_user: source.or("feed.connections.per.user", defaults.connections_per_user),
    }
}

/// The gateway's own user of the broker has few rights on purpose, so the console comes as another.
fn read_console(source: &mut Source, nats: &NatsSettings) -> Option<NatsSettings> {
    let user = source.optional::<String>("console.nats.user");
    let password = source.optional_secret("console.nats.password", 1);
    if user.is_some() != password.is_some() {
        source.refuse("console.nats.user", "give CONSOLE_NATS_USER and CONSOLE_NATS_PASSWORD, or neither");
    }
    let login = user.zip(password)?;
    Some(NatsSettings { login: Some(login), ..nats.clone() })
}

/// All services or none: half a static mesh would leave the other half to chance.
fn read_static_addresses(source: &mut Source) -> HashMap<String, Vec<String>> {
    let mut addresses = HashMap::new();
    for service in SERVICES {
        let listed = source.list(&format!("static.{}", service.replace('-', ".")));
        if !listed.is_empty() {
            addresses.insert(service.to_owned(), listed);
        }
    }
    if !addresses.is_empty() && addresses.len() < SERVICES.len() {
        source.refuse(
            "static",
            "give STATIC_USER_SVC, STATIC_COUNSELING_SVC and STATIC_PAYMENT_SVC, or none of them",
        );
    }
    addresses
}
