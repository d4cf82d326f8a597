//! The counselors, their tones and their bubbles.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
mod translation;
