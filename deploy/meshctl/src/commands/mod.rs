//! One module a command.

mod audit;
mod consumers;
mod dlq;
mod drain;
mod event;
mod events;
mod outbox;
mod problems;
mod replay;
mod status;
mod streams;
mod trace;
mod watch;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::CtlError;
use crate::arguments::{Arguments, Command};
use crate::connection::connect;
use crate::output::Output;

/// Does what was asked for, and says how the process ends.
///
/// # Errors
/// Why it was not done.
pub async fn run(arguments: Arguments) -> Result<ExitCode, CtlError> {
    let Arguments { common, command } = arguments;
    let out = Output::new(common.json);
    let mesh = connect(common.url, common.operator);
    match command {
        Command::Certs { folder } => crate::certs::write(&folder)?,
        Command::NatsUsers => out.write(&shared::messaging::permissions::users_conf())?,
        Command::Completions { shell } => out.write(&completions(shell))?,
        Command::Status { watch: None } => status::run(&mesh.await?, out).await?,
        Command::Status { watch: Some(seconds) } => watch::run(&mesh.await?, out, seconds).await?,
        Command::Streams => streams::run(&mesh.await?, out).await?,
        Command::Consumers { command } => consumers::run(&mesh.await?, out, command).await?,
        Command::Events(command) => events::run(&mesh.await?, out, command).await?,
        Command::Trace { event, within } => trace::run(&mesh.await?, out, &event, within).await?,
        Command::Dlq(command) => return dlq::run(&mesh.await?, out, command).await,
        Command::Replay { consumer, from, yes } => {
            let from = replay::from(&consumer, &from)?;
            replay::run(&mesh.await?, out, &consumer, from, yes).await?;
        }
        Command::Outbox => outbox::run(&mesh.await?, out).await?,
        Command::Drain { instance, no_wait } => drain::run(&mesh.await?, out, &instance, no_wait).await?,
        Command::Audit { since, limit } => audit::run(&mesh.await?, out, since, limit).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `1 event`, `2 events`.
fn counted(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "meshctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
