//! Passes: larger allowances that payment-svc sells by the month.

pub mod commands;
pub mod consumers;
pub mod domain;
pub mod entity;
pub mod repository;
