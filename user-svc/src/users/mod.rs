//! Users: nickname and profile.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
