//! The ledger: double entry, append-only.
//!
//! A posting moves one amount from one account to another, so every posting balances, and with it the sum of all.
//! Money and tokens are units of their own.
//!
//! | what happened | debit | credit | unit |
//! |---|---|---|---|
//! | an order was paid | `provider:<name>` | `revenue` | its currency |
//! | it was given back | `refunds` | `provider:<name>` | its currency |
//! | the customer got tokens | `tokens:issued` | `tokens:customer:<id>` | `TOKEN` |
//! | they were taken back | `tokens:customer:<id>` | `tokens:issued` | `TOKEN` |

pub mod checkpoints;
pub mod domain;
pub mod entity;
pub mod measure;
pub mod repository;
pub mod trial_balance;

#[cfg(test)]
mod tests;
