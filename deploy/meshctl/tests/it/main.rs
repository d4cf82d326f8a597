//! The built `meshctl`, run as operators run it, on a real mesh.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod acting;
mod following;
mod letters;
mod looking;
mod nats_tool;
mod offline;
mod refusals;
mod world;
