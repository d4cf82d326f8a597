//! Toss Payments: [`fake`] stands for it.

mod adapter;
mod fake;
mod orders;
