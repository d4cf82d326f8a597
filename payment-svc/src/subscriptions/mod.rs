//! Monthly passes: what is paid again each month, without the payer.
//!
//! Nothing here asks a provider. When a month is due an order is made for it, once whatever the number of replicas; the
//! worker of orders charges it, and what became of the order comes back by [`follow`].

pub mod commands;
pub mod domain;
pub mod entity;
pub mod follow;
pub mod grpc;
pub mod queries;
pub mod repository;
pub mod worker;
