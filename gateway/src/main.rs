//! The gateway's process.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use gateway::Config;
use shared::command;
use shared::config::Source;
use shared::error::Chain;
use shared::keys::SigningKey;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GRANT_ADMIN: &str = "grant-admin";
const MAKE_MESH_KEYS: &str = "make-mesh-keys";
const USER: &str = "USER-ID";
const SIGNING: &str = "SIGNING-KEY";
const VERIFYING: &str = "VERIFYING-KEYS";

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match command::asked(command()) {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    if let Some((MAKE_MESH_KEYS, files)) = asked.subcommand() {
        let [signing, verifying] = [SIGNING, VERIFYING].map(|file| given::<PathBuf>(files, file));
        return make_mesh_keys(&signing, &verifying);
    }
    let config = match Config::read(Source::from_environment()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("gateway: {error}");
            return ExitCode::FAILURE;
        }
    };
    match asked.subcommand() {
        Some((_, user)) => Box::pin(grant_admin(config, &given::<String>(user, USER))).await,
        None => Box::pin(serve(config)).await,
    }
}

fn command() -> Command {
    let file = |name: &'static str, what: &'static str| {
        Arg::new(name).help(what).required(true).value_parser(value_parser!(PathBuf))
    };
    let about = "The REST API, the console at /ops, and a chat to try them";
    command::command("gateway", about, option_env!("MESH_COMMIT")).subcommands([
        Command::new(GRANT_ADMIN)
            .about("Give a user admin authority")
            .arg(Arg::new(USER).help("The user's id").required(true)),
        Command::new(MAKE_MESH_KEYS)
            .about("Make the pair of keys by which services know the gateway; files that are there stay")
            .arg(file(SIGNING, "The file for the gateway's key (MESH_SIGNING_KEY)"))
            .arg(file(VERIFYING, "The file for the services' keys (MESH_VERIFYING_KEYS)")),
    ])
}

/// An argument that is required.
fn given<T: Clone + Send + Sync + 'static>(asked: &ArgMatches, name: &str) -> T {
    asked.get_one::<T>(name).cloned().expect("clap refuses a command without it")
}

/// Makes the pair of keys by which services know the gateway. Files that are there stay.
fn make_mesh_keys(signing: &Path, verifying: &Path) -> ExitCode {
    let key = SigningKey::generate();
    let written = (|| {
        let (private, public) = (key.to_pem()?, key.verifying().to_pem()?);
        let mut file = OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        file.open(signing)?.write_all(private.expose().as_bytes())?;
        std::fs::write(verifying, public)?;
        Ok::<_, Box<dyn std::error::Error>>(())
    })();
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: the keys cannot be written to {}: {error}", signing.display());
            ExitCode::FAILURE
        }
    }
}

async fn grant_admin(config: Config, user_id: &str) -> ExitCode {
    match gateway::grant_admin(config, user_id).await {
        Ok(()) => {
            println!("{user_id} is an admin from the next sign-in or refresh on");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gateway: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> ExitCode {
    if let Err(error) = shared::telemetry::init("gateway", config.log_format, config.traces.as_ref()) {
        eprintln!("gateway: {}", Chain(&error));
        return ExitCode::FAILURE;
    }
    let start = async {
        // Before anything is counted.
        if config.metrics.is_some() {
            shared::metrics::keep()?;
        }
        gateway::start(config).await
    };
    match Box::pin(start).await {
        Ok(running) => {
            tokio::select! {
                () = shared::shutdown::signal() => tracing::info!("stopping"),
                () = running.drained() => tracing::info!("drained by an operator; stopping"),
            }
            running.stop().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), "stopped");
            ExitCode::FAILURE
        }
    }
}
