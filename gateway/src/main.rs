//! The gateway's process.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use gateway::Config;
use shared::config::Source;
use shared::error::Chain;
use shared::keys::SigningKey;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(code) = shared::command::answered("gateway", option_env!("MESH_COMMIT")) {
        return code;
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let ["make-mesh-keys", signing, verifying] = arguments[..] {
        return make_mesh_keys(Path::new(signing), Path::new(verifying));
    }
    let config = match Config::read(Source::from_environment()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("gateway: {error}");
            return ExitCode::FAILURE;
        }
    };
    match arguments[..] {
        [] => Box::pin(serve(config)).await,
        ["grant-admin", user_id] => Box::pin(grant_admin(config, user_id)).await,
        _ => {
            eprintln!(
                "usage: gateway [grant-admin USER-ID | make-mesh-keys SIGNING-KEY VERIFYING-KEYS | healthcheck | --version]"
            );
            ExitCode::FAILURE
        }
    }
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
