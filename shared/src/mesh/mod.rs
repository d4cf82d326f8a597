//! How processes find and call each other: a registry over NATS, and channels that balance, retry and shed load.

mod channel;
mod registry;

pub use channel::{ChannelSettings, InstanceHealth, MeshChannel};
pub use registry::{Directory, Instance, Registration, RegistryError, RegistrySettings};
