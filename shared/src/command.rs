//! What every binary can be asked for before it reads its configuration: help, its version, and how its running self is.
//!
//! An image without a shell has no other way to look at the process in it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::config::Source;

/// How long the process may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);
const HEALTHCHECK: &str = "healthcheck";

/// The version, and the commit it was built from if the build was told. Binaries read `MESH_COMMIT` themselves, so that
/// another commit compiles them anew and nothing else.
pub fn version(commit: Option<&str>) -> String {
    match commit.filter(|commit| !commit.is_empty()) {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// What every process can be asked for: `--help`, `--version` and `healthcheck`. A process adds its own subcommands.
pub fn command(name: &'static str, about: &'static str, commit: Option<&str>) -> Command {
    Command::new(name)
        .version(version(commit))
        .about(about)
        .after_help(
            "Without a command it runs until SIGTERM. Everything else is configured by environment variables, and by the \
             TOML file that MESH_CONFIG names: docs/configuration.md. What is missing is named.",
        )
        .subcommand(
            Command::new(HEALTHCHECK)
                .about("Ask the running process at METRICS_ADDR how it is; ends with 1 when it should get no requests"),
        )
}

/// Reads the arguments. Ends the process itself after `--help` and `--version`, and with 2 when there is no such command.
///
/// # Errors
/// With what to end with, when that was all: `healthcheck` is answered here. It asks the running process at
/// `METRICS_ADDR`, and ends with 1 when that should get no requests.
pub fn asked(command: Command) -> Result<ArgMatches, ExitCode> {
    let name = command.get_name().to_owned();
    let asked = command.get_matches();
    if asked.subcommand_name() == Some(HEALTHCHECK) { Err(healthcheck(&name)) } else { Ok(asked) }
}

fn healthcheck(name: &str) -> ExitCode {
    let Some(address) = Source::from_environment().optional::<SocketAddr>("metrics.addr") else {
        eprintln!("{name}: healthcheck asks at METRICS_ADDR, which is not set or is no address");
        return ExitCode::FAILURE;
    };
    match readiness(address) {
        Ok(told) => {
            println!("{}", told.body);
            if told.code == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a process says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Readiness {
    code: u16,
    body: String,
}

#[derive(Debug)]
struct Unheard {
    address: SocketAddr,
    cause: io::Error,
}

impl fmt::Display for Unheard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} does not say how it is: {}", self.address, self.cause)
    }
}

fn readiness(listen: SocketAddr) -> Result<Readiness, Unheard> {
    // Whoever listens everywhere is asked at home.
    let home = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    let address = SocketAddr::new(home, listen.port());
    ask(address).map_err(|cause| Unheard { address, cause })
}

/// One request over HTTP/1.0, whose answer ends with the connection.
fn ask(address: SocketAddr) -> io::Result<Readiness> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Readiness { code: code.ok_or(io::ErrorKind::InvalidData)?, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::health::Health;
    use crate::metrics;

    async fn told(address: SocketAddr) -> Result<Readiness, Unheard> {
        spawn_blocking(move || readiness(address)).await.unwrap()
    }

    #[tokio::test]
    async fn a_process_is_asked_how_it_is() {
        let health = Health::default();
        let free = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = metrics::serve(free, &health).await.unwrap();
        let starting = told(address).await.unwrap();
        assert_eq!(starting.code, 503);
        assert!(starting.body.contains(r#""reasons":["process: starting"]"#), "{}", starting.body);

        health.serving();
        let ready = told(address).await.unwrap();
        assert_eq!(ready.code, 200);
        assert!(ready.body.contains(r#""status":"ready""#), "{}", ready.body);
    }

    #[test]
    fn a_version_tells_its_commit_where_that_is_known() {
        let plain = env!("CARGO_PKG_VERSION");
        assert_eq!(version(Some("c0ffee1")), format!("{plain} (c0ffee1)"));
        assert_eq!((version(None), version(Some(""))), (plain.to_owned(), plain.to_owned()));
    }

    #[test]
    fn everybody_says_what_can_be_asked_and_refuses_the_rest() {
        let asked = |arguments: &[&str]| command("user-svc", "Users", None).try_get_matches_from(arguments);
        assert_eq!(asked(&["user-svc"]).unwrap().subcommand_name(), None);
        assert_eq!(asked(&["user-svc", "healthcheck"]).unwrap().subcommand_name(), Some(HEALTHCHECK));
        let help = asked(&["user-svc", "--help"]).unwrap_err().to_string();
        for said in ["Users\n", "healthcheck  Ask the running process", "--version", "docs/configuration.md"]
        {
            assert!(help.contains(said), "{said}: {help}");
        }
        let refused = asked(&["user-svc", "healthchek"]).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("'healthchek'"), "{refused}");
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_says_where() {
        // Bound and let go, so that nobody is there.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = told(gone).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{gone} does not say how it is")), "{error}");
    }
}
