//! Services under test.

use std::net::SocketAddr;
use std::time::Duration;

use super::{NatsServer, TestDatabase};
use crate::auth::{Caller, MESH_TOKEN, MeshSigner};
use crate::keys::SigningKey;
use crate::mesh::{RegistrySettings, SERVICES};
use crate::messaging::{ConsumerSettings, RelaySettings, TopologySettings};
use crate::service::ServiceConfig;
use crate::telemetry::LogFormat;
use crate::token_cache::TOKENS;

/// The key by which tests sign calls.
pub fn mesh_signing_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

/// The configuration of the service `name` on a free port, quick to try again.
pub fn service_config(name: &str, nats: &NatsServer, database: &TestDatabase) -> ServiceConfig {
    ServiceConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        advertise: None,
        nats: nats.settings(name),
        database: database.settings(),
        mesh_verifying_keys: vec![mesh_signing_key().verifying()],
        mesh_token_cache: TOKENS,
        mesh_tls: None,
        log_format: LogFormat::Auto,
        metrics: None,
        traces: None,
        topology: TopologySettings { ack_wait: Duration::from_secs(3), ..TopologySettings::default() },
        consumers: ConsumerSettings {
            max_deliveries: 3,
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_millis(100),
            pull_expiry: Duration::from_secs(2),
        },
        relay: RelaySettings { poll_interval: Duration::from_millis(50), ..RelaySettings::default() },
        idempotency_keep: Duration::from_secs(86_400),
        registry: RegistrySettings { ttl: Duration::from_secs(2), ..RegistrySettings::default() },
        shutdown_limit: Duration::from_secs(5),
    }
}

/// A request as the gateway makes it on behalf of `caller`.
///
/// # Panics
/// Never: the key signs.
pub fn caller<T>(caller: Caller, message: T) -> tonic::Request<T> {
    let signer = MeshSigner::new(&mesh_signing_key(), 0).expect("the key is one");
    let token = signer.sign(caller, &SERVICES).expect("the key signs");
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(MESH_TOKEN, token.parse().expect("a token is ASCII"));
    request
}

/// Calls a method with an empty request, as `token` allows: the code of the answer.
///
/// # Panics
/// When the address cannot be reached.
pub async fn call_by_path(address: SocketAddr, path: &'static str, token: Option<&str>) -> tonic::Code {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.expect("the service listens"));
    client.ready().await.expect("the service listens");
    let mut request = tonic::Request::new(());
    if let Some(token) = token {
        request.metadata_mut().insert(MESH_TOKEN, token.parse().expect("a token is ASCII"));
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    match client.unary(request, http::uri::PathAndQuery::from_static(path), codec).await {
        Ok(_) => tonic::Code::Ok,
        Err(status) => status.code(),
    }
}

/// Fails a test when a method of a service lets in whom its rule keeps out.
///
/// # Panics
/// Then.
pub async fn check_authority(address: SocketAddr, service: &str, rules: &[crate::grpc::Rule]) {
    use crate::grpc::Who;
    use tonic::Code::{PermissionDenied, Unauthenticated};
    let signer = MeshSigner::new(&mesh_signing_key(), 0).expect("the key is one");
    let sign = |caller: Caller, service: &str| signer.sign(caller, &[service]).expect("the key signs");
    let (user, gateway) = (Caller::User(crate::id::new_id()), Caller::Gateway);
    let other = MeshSigner::new(&SigningKey::generate(), 0).expect("the key is one");
    let forged = other.sign(Caller::Admin("a".to_owned()), &[service]).expect("the key signs");
    let elsewhere = sign(Caller::Admin("a".to_owned()), "another-svc");
    for (path, who) in rules {
        for token in [None, Some("x"), Some(forged.as_str()), Some(elsewhere.as_str())] {
            assert_eq!(call_by_path(address, path, token).await, Unauthenticated, "{path}");
        }
        let by_user = call_by_path(address, path, Some(&sign(user.clone(), service))).await;
        let by_gateway = call_by_path(address, path, Some(&sign(gateway.clone(), service))).await;
        match who {
            Who::Gateway => assert_eq!(by_user, PermissionDenied, "{path}"),
            Who::User => assert_eq!(by_gateway, PermissionDenied, "{path}"),
            Who::Admin => assert_eq!((by_user, by_gateway), (PermissionDenied, PermissionDenied), "{path}"),
            Who::Anybody => assert_ne!(by_user, Unauthenticated, "{path}"),
        }
    }
    // What no rule names does not exist, or is nobody's to call.
    let admin = sign(Caller::Admin("a".to_owned()), service);
    let unknown = call_by_path(address, "/hearlers.v1.UserService/Unknown", Some(&admin)).await;
    assert_eq!(unknown, PermissionDenied);
}
