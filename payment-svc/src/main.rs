//! The process of payment-svc.

use std::process::ExitCode;

use payment_svc::{PaymentConfig, tools};
use shared::config::Source;
use shared::error::Chain;
use shared::time::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(code) = shared::command::answered("payment-svc", option_env!("MESH_COMMIT")) {
        return code;
    }
    let config = PaymentConfig::read(Source::from_environment());
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if arguments.is_empty() {
        let start = |config: PaymentConfig| payment_svc::start(config, Clock::system());
        return Box::pin(shared::service::run("payment-svc", config, start)).await;
    }
    let config = match config {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let said = match arguments[..] {
        ["ledger"] => tools::ledger(&config).await,
        ["reconcile"] => tools::reconcile(&config).await.map(|findings| {
            let tools::Findings { compared, repaired, reported, unanswered } = findings;
            format!(
                "{compared} compared, {repaired} repaired, {reported} reported, {unanswered} unanswered\n"
            )
        }),
        _ => {
            eprintln!("usage: payment-svc [ledger | reconcile | healthcheck | --version]");
            return ExitCode::FAILURE;
        }
    };
    match said {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&Chain(&error)),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("payment-svc: {error}");
    ExitCode::FAILURE
}
