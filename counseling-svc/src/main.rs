//! The process of counseling-svc.

use std::process::ExitCode;

use counseling_svc::CounselingConfig;
use shared::command;
use shared::config::Source;
use shared::time::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
pub(crate) async fn main() -> ExitCode {
    let about = "Counselors, counsels, and the replies in them";
    if let Err(code) = command::asked(command::command("counseling-svc", about, option_env!("MESH_COMMIT"))) {
        return code;
    }
    let config = CounselingConfig::read(Source::from_environment());
    let start = |config: CounselingConfig| counseling_svc::start(config, Clock::system());
    Box::pin(shared::service::run("counseling-svc", config, start)).await
}
