//! What operators do to the mesh from a shell: a face of [`shared::operations`].

pub mod arguments;
pub mod certs;
mod commands;
mod connection;
mod error;
mod output;
mod table;
mod times;

pub use commands::run;
pub use error::CtlError;
