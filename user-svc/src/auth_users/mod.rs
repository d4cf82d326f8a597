//! Auth users: who a user is towards identity providers, what they may do, and their refresh tokens.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
