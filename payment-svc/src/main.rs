//! The process of payment-svc.

use std::process::ExitCode;

use shared::time::Clock;

#[tokio::main]
async fn main() -> ExitCode {
    let start = |config| payment_svc::start(config, Clock::system());
    Box::pin(shared::service::main("payment-svc", 50053, start)).await
}
