//! Services under test.

use std::net::SocketAddr;
use std::time::Duration;

use super::{NatsServer, TestDatabase};
use crate::auth::{Caller, MESH_TOKEN, MeshTokens};
use crate::config::Secret;
use crate::mesh::RegistrySettings;
use crate::messaging::{ConsumerSettings, RelaySettings, TopologySettings};
use crate::service::ServiceConfig;
use crate::telemetry::LogFormat;

/// The mesh token key of tests.
pub const MESH_TOKEN_KEY: &str = "a key that only the tests of the mesh use";

/// A service's configuration on a free port, quick to try again.
pub fn service_config(nats: &NatsServer, database: &TestDatabase) -> ServiceConfig {
    ServiceConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        advertise: None,
        nats_url: nats.url(),
        database: database.settings(),
        mesh_token_key: Secret::new(MESH_TOKEN_KEY),
        log_format: LogFormat::Auto,
        metrics: None,
        topology: TopologySettings { ack_wait: Duration::from_secs(3), ..TopologySettings::default() },
        consumers: ConsumerSettings {
            max_deliveries: 3,
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_millis(100),
            pull_expiry: Duration::from_secs(2),
        },
        relay: RelaySettings { poll_interval: Duration::from_millis(50), ..RelaySettings::default() },
        registry: RegistrySettings { ttl: Duration::from_secs(2), ..RegistrySettings::default() },
        shutdown_limit: Duration::from_secs(5),
    }
}

/// A request as the gateway makes it on behalf of `caller`.
///
/// # Panics
/// Never: the key signs.
pub fn caller<T>(caller: Caller, message: T) -> tonic::Request<T> {
    let token = MeshTokens::new(&Secret::new(MESH_TOKEN_KEY)).sign(caller).expect("the key signs");
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(MESH_TOKEN, token.parse().expect("a token is ASCII"));
    request
}
