//! What counselors speak from: versions of prompts, techniques, and the rules that lead from one to the next.

pub mod commands;
pub mod domain;
pub mod entity;
pub mod grpc;
pub mod queries;
pub mod repository;
