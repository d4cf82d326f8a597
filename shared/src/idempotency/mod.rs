//! Idempotency keys: for a day, one key of one user stands for one request, and for the id of what it makes.
//!
//! The service that does the work keeps them in its own database, so that they need nothing else to be there. A repeat is
//! told the id of the first request, and the service makes nothing twice under one id. Only hashes are kept.

mod commands;
mod domain;
mod entity;
mod grpc;
mod migration;
mod repository;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;

pub use commands::IdempotencyKeys;
pub use domain::Claim;
pub use grpc::IdempotencyGrpc;
pub use migration::CreateIdempotencyKeys;
