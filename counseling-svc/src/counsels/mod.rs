//! Counsels and what is said in them.

pub mod commands;
pub mod domain;
pub mod entity;
mod events;
pub mod grpc;
pub mod queries;
mod recent;
pub mod recovery;
pub mod repository;
pub mod risk;
mod scene;
mod stream;
mod translation;
pub mod understanding;
