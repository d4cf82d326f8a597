//! How close a user and a counselor are.

pub mod domain;
pub mod entity;
pub mod queries;
pub mod repository;
