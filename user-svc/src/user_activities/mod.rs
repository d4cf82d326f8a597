//! User activities: what a user did, and where the product's funnel stands for them.

pub mod commands;
pub mod consumers;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
