//! counseling-svc, broken on purpose: see `shared::sabotage`.

use std::process::ExitCode;

#[path = "main.rs"]
mod whole;

fn main() -> ExitCode {
    whole::main()
}
