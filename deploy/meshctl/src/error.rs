//! Why a command was not carried out.

use std::io;
use std::process::ExitCode;

use shared::config::ConfigError;

use crate::certs::CertsError;

/// As clap ends for arguments that it refuses.
const USAGE: u8 = 2;

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The mesh refused, or does not answer.
    #[error(transparent)]
    Mesh(#[from] shared::Error),
    /// The environment does not say how to connect.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// No connection to the broker.
    #[error(
        "no connection to {url}: {cause}; --nats or NATS_URL say where the broker is, NATS_USER and NATS_PASSWORD \
         who asks"
    )]
    Broker {
        /// Where it was looked for.
        url: String,
        /// Why there is none.
        cause: shared::Error,
    },
    /// Something did not become true in time.
    #[error("{0}")]
    Late(String),
    /// Certificates could not be made.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CtlError {
    /// How the process ends: 2 when it was asked for what cannot be, 1 when it could not be done.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Mesh(shared::Error::Invalid(_)) | Self::Configuration(_) => ExitCode::from(USAGE),
            _ => ExitCode::FAILURE,
        }
    }

    /// Whether nobody reads the answer any more.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
