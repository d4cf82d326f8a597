//! payment-svc through its gRPC server, on a real broker and both databases.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod authority;
mod customers;
mod faults;
mod orders;
mod products;
mod refunds;
mod shop;
mod stripe;
mod subscriptions;
mod till;
mod toss;
mod upgrade;
mod vendor;
mod world;
