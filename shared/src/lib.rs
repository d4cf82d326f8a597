//! What every process of the mesh is made of: configuration, telemetry, database, messaging, the mesh itself.

pub mod auth;
pub mod command;
pub mod config;
pub mod database;
pub mod error;
pub mod grpc;
pub mod hash;
pub mod health;
pub mod https;
pub mod id;
pub mod idempotency;
pub mod keys;
pub mod labels;
pub mod mesh;
pub mod messaging;
pub mod metrics;
pub mod operations;
pub mod page;
pub mod patience;
pub mod proto;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod service;
pub mod shutdown;
pub mod telemetry;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod text;
pub mod time;
pub mod tls;
pub mod token_cache;

pub use error::{Error, Violations};
