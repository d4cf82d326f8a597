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
