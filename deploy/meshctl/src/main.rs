//! `meshctl`: see `meshctl --help`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Operates the mesh.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a development authority (once) and new certificates for the gateway and the services.
    Certs {
        /// Where they are written: ca.pem, and NAME.pem and NAME-key.pem for each process.
        folder: PathBuf,
    },
    /// Print the users of the broker and what each may do, for nats-server's configuration.
    NatsUsers,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Certs { folder } => meshctl::certs::write(&folder),
        Command::NatsUsers => {
            print!("{}", shared::messaging::permissions::users_conf());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("meshctl: {error}");
            ExitCode::FAILURE
        }
    }
}
