//! Message tokens: how many messages a user may still send.

pub mod commands;
pub mod consumers;
pub mod domain;
pub mod entity;
pub mod expiry;
pub mod grpc;
pub mod queries;
pub mod repository;
