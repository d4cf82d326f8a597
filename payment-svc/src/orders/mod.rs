//! Orders: what was bought, and how its payment stands.

pub mod commands;
pub mod domain;
pub mod effects;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod reconciliation;
pub mod refunds;
pub mod repository;
pub mod worker;
