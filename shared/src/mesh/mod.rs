//! How processes find and call each other: a registry over NATS, and channels that balance, retry and shed load.

mod channel;
mod registry;
mod tls;

pub use channel::{ChannelSettings, InstanceHealth, MeshChannel};
pub(crate) use registry::{BUCKET, Stats, drain_subject};
pub use registry::{Directory, Instance, Registration, RegistryError, RegistrySettings};
pub use tls::MeshTlsFiles;
pub(crate) use tls::is_gateway;

/// The process that clients talk to, and the one that calls the services.
pub const GATEWAY: &str = "gateway";

/// The services that the gateway calls.
pub const SERVICES: [&str; 3] = ["user-svc", "counseling-svc", "payment-svc"];
