//! Child processes that cannot outlive the test.

use std::collections::BTreeSet;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs a program and, when its standard input ends, kills it; removes the folder `$1` when it has ended. The input is a
/// pipe from the test: it ends when the test lets go of it and when the test's process dies, however that happens.
///
/// Nothing here looks again and again: many programs run at once, and what looks after them is not to be measured.
const WATCHDOG: &str = r#"
folder=$1; signal=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- & child=$!
(read -r _ <&3; kill -$signal $child 2>/dev/null) & watcher=$!
wait $child 2>/dev/null
kill $watcher 2>/dev/null
[ -n "$folder" ] && rm -rf "$folder"
exit 0
"#;

/// How often it is looked whether a process has left.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process that ends with this value.
pub struct Process {
    watchdog: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts `command`. When it ends it is sent `signal` (e.g. `KILL`), and `folder` is removed.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn start(command: &Command, folder: Option<&Path>, signal: &str, user: Option<(u32, u32)>) -> Self {
        let mut watchdog = Command::new("/bin/sh");
        watchdog
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(folder.unwrap_or(Path::new("")))
            .arg(signal)
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            // Its own group: a Ctrl-C at the test must not reach the child before the watchdog.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((user, group)) = user {
            watchdog.uid(user).gid(group).current_dir("/");
        }
        let mut watchdog = watchdog.spawn().expect("/bin/sh starts");
        let stdin = watchdog.stdin.take();
        Self { watchdog, stdin }
    }

    /// The process, and what it started (Linux; elsewhere none are known).
    pub fn ids(&self) -> Vec<u32> {
        // The watchdog's other child waits with it for the end.
        let mut parents: Vec<u32> = children(self.watchdog.id()).into_iter().take(1).collect();
        let mut found = Vec::new();
        while let Some(parent) = parents.pop() {
            parents.extend(children(parent));
            found.push(parent);
        }
        found
    }

    /// Lets it stand still (SIGSTOP).
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// To the watchdog's group: the process, and the watchdog with it. Should the test die meanwhile, the kernel wakes
    /// the orphaned group with SIGHUP, which ends it.
    fn signal_all(&self, signal: &str) {
        let kill = format!("kill -s {signal} -- -{}", self.watchdog.id());
        // There may be nobody left to hear it.
        let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status();
    }

    /// Sends its signal, and waits until it is gone; whoever is still there after `limit` is killed. How long it took to
    /// leave by itself, if it did.
    pub(super) fn leave(mut self, limit: Duration) -> Option<Duration> {
        let began = Instant::now();
        drop(self.stdin.take());
        while began.elapsed() < limit {
            // The watchdog ends as soon as its child has.
            if let Ok(Some(_)) = self.watchdog.try_wait() {
                return Some(began.elapsed());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        self.signal_all("KILL");
        None
    }

    /// Ends the process now, and waits until it is gone.
    pub fn stop(&mut self) {
        // A watchdog that stands still would hear nothing.
        self.thaw();
        drop(self.stdin.take());
        let _ = self.watchdog.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The processes that this one started, the oldest first (Linux).
fn children(parent: u32) -> Vec<u32> {
    let told = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    told.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// A port of the loopback address that was free a moment ago, and that nobody gets who asks for any: those are given to
/// every connection that is made, and a process that was killed would not find its own free when it comes back. Nor does
/// anybody else get it here: who is to listen there may take seconds to begin.
///
/// # Panics
/// When no port is free.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut any = std::iter::repeat_with(|| rand::random_range(10_000..32_768)).take(1000);
    let port =
        any.find(|port| !given.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    let port = port.expect("a free port");
    given.insert(port);
    port
}

/// The binary of another crate of the workspace, built if it is not there.
///
/// # Panics
/// When it cannot be built.
pub fn binary(name: &str) -> PathBuf {
    built(name, &[])
}

/// A binary that is built with these features.
pub(super) fn built(name: &str, features: &[&str]) -> PathBuf {
    // With the features of the whole workspace, as `cargo test --workspace` has just built it.
    cargo_build(&["--workspace", "--bin", name, "--features", &features.join(",")]).join(name)
}

/// The dynamic library of a crate of the workspace, built if it is not there.
///
/// # Panics
/// When it cannot be built.
pub fn dynamic_library(package: &str) -> PathBuf {
    let file = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", package.replace('-', "_"));
    cargo_build(&["--package", package]).join(file)
}

/// Builds with the profile of this process: the folder of what was built.
fn cargo_build(what: &[&str]) -> PathBuf {
    let this = std::env::current_exe().expect("a process has a path");
    // Tests are in target/<profile>/deps, binaries one folder above.
    let folder = this.parent().expect("an executable is in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let mut build = Command::new(env!("CARGO"));
    without_cargo(&mut build);
    let status = build
        .args(["build", "--quiet"])
        .args(what)
        .args(if folder.ends_with("release") { &["--release"][..] } else { &[] })
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "it does not build: {what:?}");
    folder.to_owned()
}

/// Keeps what cargo tells a test of itself from a command that builds: it would make build scripts that look at it, such
/// as ring's, run again, and all that hangs on them.
pub fn without_cargo(command: &mut Command) {
    let told = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];
        prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
    });
    for name in told {
        command.env_remove(name);
    }
}

/// The path of a program: from the environment variable, from `.tools/bin`, or from the PATH.
///
/// # Panics
/// When it is in none of them.
pub(super) fn program(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin").join(name);
    if tools.exists() {
        return tools;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Otherwise all that is seen is that it does not answer.
    assert!(
        std::env::split_paths(&path).any(|folder| folder.join(name).is_file()),
        "{name} is neither in .tools/bin nor on the PATH, and {variable} does not say where it is: \
         `python3 deploy/tools.py path {name}` fetches it"
    );
    name.into()
}

/// What a short-lived program printed.
///
/// # Panics
/// When it fails.
pub(super) fn run(command: &mut Command) -> String {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let (mut out, mut error) = (String::new(), String::new());
    // Small outputs: neither pipe fills while the other is read.
    let _ = child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut out));
    let _ = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut error));
    let status = child.wait().expect("the program ends");
    assert!(status.success(), "{command:?}: {out}{error}");
    out
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::testkit::eventually;

    #[tokio::test]
    async fn ids_are_those_of_the_process_and_what_it_started_alone() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap 'kill $!' TERM; sleep 60 & wait"]);
        let process = Process::start(&command, None, "TERM", None);
        // A child is one before it is the program that it becomes.
        eventually("the process and its child run, and nothing else", async || {
            let names =
                process.ids().into_iter().map(|id| std::fs::read_to_string(format!("/proc/{id}/comm")));
            let mut names: Vec<_> = names.map(Result::unwrap_or_default).collect();
            names.sort();
            names == ["sh\n", "sleep\n"]
        })
        .await;
    }

    #[test]
    fn no_port_is_given_twice() {
        let ports: BTreeSet<_> = (0..2000).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 2000);
    }

    #[tokio::test]
    async fn its_folder_goes_with_a_process_whoever_ends_it() {
        for (script, ends_itself) in [("exit 3", true), ("sleep 60", false)] {
            let folder = tempfile::tempdir().unwrap().keep();
            let mut command = Command::new("/bin/sh");
            let process = Process::start(command.args(["-c", script]), Some(&folder), "KILL", None);
            if ends_itself {
                eventually("the folder is gone", async || !folder.exists()).await;
            }
            drop(process);
            assert!(!folder.exists(), "{script}");
        }
    }
}
