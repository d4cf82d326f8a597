//! The process of user-svc.

use std::process::ExitCode;

use shared::command;
use shared::time::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
pub(crate) async fn main() -> ExitCode {
    let about = "Users, their sessions, and their message tokens";
    if let Err(code) = command::asked(command::command("user-svc", about, option_env!("MESH_COMMIT"))) {
        return code;
    }
    let start = |config| user_svc::start(config, Clock::system());
    Box::pin(shared::service::main("user-svc", 50051, start)).await
}
