//! The gateway's process.

use std::process::ExitCode;

use gateway::Config;
use shared::config::Source;
use shared::error::Chain;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::read(Source::from_environment()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("gateway: {error}");
            return ExitCode::FAILURE;
        }
    };
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Box::pin(serve(config)).await,
        ["grant-admin", user_id] => Box::pin(grant_admin(config, user_id)).await,
        _ => {
            eprintln!("usage: gateway [grant-admin USER-ID]");
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
    shared::telemetry::init("gateway", config.log_format);
    let start = async {
        if let Some(listen) = config.metrics {
            shared::metrics::serve(listen).await?;
        }
        gateway::start(config).await
    };
    match start.await {
        Ok(running) => {
            shared::shutdown::signal().await;
            tracing::info!("stopping");
            running.stop().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), "stopped");
            ExitCode::FAILURE
        }
    }
}
