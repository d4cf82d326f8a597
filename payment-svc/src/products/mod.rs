//! Products: what can be bought, in versions.

pub mod catalog;
pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
