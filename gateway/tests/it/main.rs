//! The REST API over real HTTP, in front of the real services, on a real broker and both databases. The modules mirror
//! the URLs. Every answer is checked against the served OpenAPI document.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod admin;
mod auth;
mod browser;
mod catalog;
mod checkout;
mod clients;
#[path = "../support/config.rs"]
mod config;
mod configuration;
mod console;
mod conversation;
mod counselors;
mod counsels;
mod deployment;
mod document;
mod edge;
mod erasure;
mod export;
mod feed;
mod idempotency;
mod images;
mod kills;
mod logs;
mod masked;
mod mesh;
mod mesh_tls;
mod openapi;
mod orders;
mod ownership;
mod pages;
mod products;
mod prompts;
mod purchase;
mod refusals;
mod sessions;
mod sign_in;
mod sse;
mod streaming;
mod subscriptions;
mod traces;
mod users;
mod world;
