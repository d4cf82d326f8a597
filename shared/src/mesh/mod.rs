//! The mesh: a registry of live instances, and channels that spread calls over them.

mod channel;
mod registry;

pub use channel::{ChannelSettings, InstanceHealth, MeshChannel};
pub use registry::{Directory, Instance, Registration, RegistryError, RegistrySettings};
