//! The process of payment-svc.

use std::process::ExitCode;

use clap::Command;
use payment_svc::{PaymentConfig, tools};
use shared::command;
use shared::config::Source;
use shared::error::Chain;
use shared::time::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let about = "Products, orders, and what is paid for them";
    let command = command::command("payment-svc", about, option_env!("MESH_COMMIT")).subcommands([
        Command::new("ledger").about("Print the balance of every account of the ledger"),
        Command::new("reconcile").about("Compare open orders with the provider now, and mend what differs"),
    ]);
    let asked = match command::asked(command) {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let config = PaymentConfig::read(Source::from_environment());
    let Some(task) = asked.subcommand_name() else {
        let start = |config: PaymentConfig| payment_svc::start(config, Clock::system());
        return Box::pin(shared::service::run("payment-svc", config, start)).await;
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let said = match task {
        "ledger" => tools::ledger(&config).await,
        _ => tools::reconcile(&config).await.map(|findings| {
            let tools::Findings { compared, repaired, reported, unanswered } = findings;
            format!(
                "{compared} compared, {repaired} repaired, {reported} reported, {unanswered} unanswered\n"
            )
        }),
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
