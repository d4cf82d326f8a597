//! Counsels and what is said in them.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod recovery;
pub mod repository;
mod scene;
mod stream;
mod translation;
