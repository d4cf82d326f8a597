//! Code generated from `proto/`.

/// The encoded `FileDescriptorSet` of every proto file: for server reflection and method options.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The gRPC services between the gateway and the services.
#[allow(clippy::all, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("hearlers.v1");
}

/// What the services tell each other.
pub mod events {
    /// Version 1 of every event.
    pub mod v1 {
        tonic::include_proto!("hearlers.events.v1");
        include!(concat!(env!("OUT_DIR"), "/hearlers.events.v1.serde.rs"));
    }
}
