//! `meshctl`: see `meshctl --help`.

use std::process::ExitCode;

use clap::Parser;
use meshctl::arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Box::pin(meshctl::run(Arguments::parse())).await {
        Ok(code) => code,
        // Whoever read along has seen enough, as `head` has.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("meshctl: {error}");
            error.code()
        }
    }
}
