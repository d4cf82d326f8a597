//! The counselors, their tones and their bubbles.

pub mod entity;
pub mod grpc;
pub mod queries;
