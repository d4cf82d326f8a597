//! What a counsel is about and how its user is doing, as far as it is known; and what its earlier parts were about.

pub mod domain;
pub mod entity;
pub mod queries;
pub mod repository;
