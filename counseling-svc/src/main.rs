//! The process of counseling-svc.

use std::process::ExitCode;

use shared::time::Clock;

#[tokio::main]
async fn main() -> ExitCode {
    let start = |config| counseling_svc::start(config, Clock::system());
    Box::pin(shared::service::main("counseling-svc", 50052, start)).await
}
