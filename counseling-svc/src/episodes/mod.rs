//! Episodes: stories of a counselor, which unlock as a user and the counselor come closer.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
mod translation;
