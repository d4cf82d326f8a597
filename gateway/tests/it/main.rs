//! The REST API over real HTTP, in front of the real services, on a real broker and both databases. The modules mirror
//! the URLs. Every answer is checked against the served OpenAPI document.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod auth;
mod conversation;
mod counselors;
mod counsels;
mod document;
mod mesh;
mod openapi;
mod prompts;
mod refusals;
mod users;
mod world;
