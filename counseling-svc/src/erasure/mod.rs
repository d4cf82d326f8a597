//! What is left of users who are deleted: nothing but their ids, so that nothing late brings them back.

pub mod consumers;
pub mod entity;
pub mod repository;
