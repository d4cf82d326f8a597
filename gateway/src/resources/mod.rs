//! One module a resource: its routes, its DTOs and the translation.

pub mod account;
pub mod auth;
pub mod bubbles;
pub mod counselors;
pub mod counsels;
pub mod episodes;
pub mod export;
pub mod feed;
pub mod images;
pub mod messages;
pub mod notices;
pub mod orders;
pub mod probes;
pub mod products;
pub mod prompts;
pub mod relationships;
pub mod sessions;
pub mod sign_in;
pub mod subscriptions;
pub mod tones;
pub mod users;
