//! user-svc through its gRPC server, on a real broker and both databases.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod auth_users;
mod authority;
mod credits;
mod erasure;
mod message_tokens;
mod passes;
mod refresh_tokens;
mod sessions;
mod settling;
mod upgrade;
mod user_activities;
mod users;
mod world;
