//! The gateway as every test of it runs it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use shared::config::Secret;
use shared::mesh::{ChannelSettings, RegistrySettings};
use shared::telemetry::LogFormat;
use shared::testkit::{NatsServer, mesh_signing_key};
use shared::token_cache::TOKENS;

pub const SESSION_KEY: &str = "a key that only the tests of the gateway use";

/// The gateway's configuration on a free port.
pub fn gateway_config(nats: &NatsServer) -> gateway::Config {
    gateway::Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        nats: nats.settings("gateway"),
        mesh_signing_key: mesh_signing_key(),
        mesh_token_cache: TOKENS,
        session_cache: TOKENS,
        mesh_tls: None,
        session_keys: gateway::SessionKeySettings::one(Secret::new(SESSION_KEY)),
        sign_in: gateway::SignInSettings::default(),
        edge: gateway::EdgeSettings::without_rates(),
        cors_origins: vec!["https://app.example".to_owned()],
        development: false,
        body_limit: 16 * 1024,
        request_timeout: Duration::from_secs(20),
        keep_alive: Duration::from_secs(15),
        // Tests keep every processor busy: services are slow then, however little they are asked.
        upstream: ChannelSettings { min_concurrency: usize::MAX, ..ChannelSettings::default() },
        static_addresses: HashMap::new(),
        registry: RegistrySettings { ttl: Duration::from_secs(2), ..RegistrySettings::default() },
        images: gateway::ImageSettings {
            max_bytes: 100 * 1024,
            store: gateway::StoreSettings::Folder { folder: nats.folder().join("images"), public_url: None },
        },
        feed: gateway::FeedSettings::default(),
        console: Some(nats.settings("console")),
        shutdown_limit: Duration::from_secs(5),
        log_format: LogFormat::Auto,
        metrics: None,
        traces: None,
    }
}
