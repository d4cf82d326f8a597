//! What a counsel is about and how its user is doing, as far as it is known.

pub mod domain;
