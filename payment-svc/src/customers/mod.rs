//! Customers: one for each user, kept by what user-svc tells.

pub mod commands;
pub mod consumers;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
