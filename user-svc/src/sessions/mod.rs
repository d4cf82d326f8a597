//! Sessions of users on their devices, and the refresh tokens that keep them up.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
