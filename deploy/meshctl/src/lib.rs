//! What operators do to the mesh from a shell.

pub mod certs;
