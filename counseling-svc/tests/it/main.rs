//! counseling-svc through its gRPC server, on a real broker and both databases.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod authority;
mod catalog;
mod counselors;
mod counsels;
mod doomed;
mod episodes;
mod erasure;
mod failures;
mod interruptions;
mod messages;
mod model;
mod pages;
mod prompts;
mod puppet;
mod reactions;
mod relationships;
mod risks;
mod seeding;
mod streaming;
mod understanding;
mod upgrade;
mod world;
