//! The process of user-svc.

use std::process::ExitCode;

use shared::time::Clock;

#[tokio::main]
pub(crate) async fn main() -> ExitCode {
    let start = |config| user_svc::start(config, Clock::system());
    Box::pin(shared::service::main("user-svc", 50051, start)).await
}
