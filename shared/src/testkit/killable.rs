//! Services as real processes that are killed and started again.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use super::process::{Process, binary, built, free_port, run};
use super::{Broker, mesh_signing_key};

/// An instance of a service in a process of its own. It is killed without a warning (SIGKILL), and comes back where it
/// was: at its address, on its database.
pub struct Killable {
    address: String,
    metrics_address: String,
    binary: PathBuf,
    /// An older build of it, which runs until it is upgraded.
    older: Option<PathBuf>,
    is_upgraded: AtomicBool,
    /// Its environment.
    command: Command,
    signal: &'static str,
    process: Mutex<Option<Process>>,
}

impl Killable {
    /// An instance of `service` on this broker and this database. It does not run yet.
    ///
    /// # Panics
    /// When the binary cannot be built.
    pub fn new(service: &str, nats: &impl Broker, database_url: &str) -> Self {
        let [address, metrics_address] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let binary = binary(service);
        let mut command = Command::new(&binary);
        command
            .env("LOG", "/dev/null")
            .env("LISTEN_ADDR", &address)
            // Any that is free: one that was chosen beforehand may be taken while the process is dead.
            .env("METRICS_ADDR", "127.0.0.1:0")
            .envs(nats.environment(service))
            .env("DATABASE_URL", database_url)
            .env("MESH_VERIFYING_KEYS", mesh_signing_key().verifying().to_pem().expect("the key is one"))
            .env("REGISTRY_TTL", "2");
        Self {
            address,
            metrics_address,
            binary,
            older: None,
            is_upgraded: AtomicBool::new(false),
            command,
            signal: "KILL",
            process: Mutex::new(None),
        }
    }

    /// The binary of this service that is broken on purpose, in the way that is named: see `shared::sabotage`.
    ///
    /// # Panics
    /// When it cannot be built.
    #[must_use]
    pub fn broken(mut self, service: &str, sabotage: &str) -> Self {
        self.binary = built(&format!("{service}-broken"), &[&format!("{service}/sabotage")]);
        self.command.env("MESH_SABOTAGE", sabotage);
        self
    }

    /// One that runs this other build of it until [`Killable::upgrade`].
    #[must_use]
    pub fn older(self, binary: PathBuf) -> Self {
        Self { older: Some(binary), ..self }
    }

    /// Whether it runs another build than the one of this workspace.
    pub fn is_older(&self) -> bool {
        self.older.is_some() && !self.is_upgraded.load(Ordering::Relaxed)
    }

    /// Ends it, as [`Killable::kill`] does, and starts the build of this workspace in its place.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn upgrade(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
        self.kill();
        self.start();
    }

    /// With its metrics at [`Killable::metrics_address`], in place of any address that is free.
    #[must_use]
    pub fn with_metrics(mut self) -> Self {
        self.command.env("METRICS_ADDR", &self.metrics_address);
        self
    }

    /// With more in its environment, or something else.
    #[must_use]
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    /// One that is asked to end (SIGTERM) where others are killed.
    #[must_use]
    pub fn asked_to_end(self) -> Self {
        Self { signal: "TERM", ..self }
    }

    /// Where it listens: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// With what it logs at the end of this file.
    #[must_use]
    pub fn logging_to(mut self, file: &Path) -> Self {
        self.command.env("LOG", file);
        self
    }

    /// Where it serves its metrics after [`Killable::with_metrics`].
    pub fn metrics_address(&self) -> &str {
        &self.metrics_address
    }

    /// Starts it, unless it runs. It answers a moment later.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn start(&self) {
        let mut process = self.process.lock().expect("no test panics while it holds this");
        let older = self.older.as_ref().filter(|_| self.is_older());
        let command = || logging(older.unwrap_or(&self.binary), &self.command);
        process.get_or_insert_with(|| Process::start(&command(), None, self.signal, None));
    }

    /// Kills it, or asks it to end, and returns when it is gone.
    ///
    /// # Panics
    /// Never.
    pub fn kill(&self) {
        self.process.lock().expect("no test panics while it holds this").take();
    }

    /// Asks it to end, or kills it, and waits until it is gone without holding up whoever else is on this thread: how
    /// long it took. None when it was still there after `limit`, and had to be killed, or did not run.
    ///
    /// # Panics
    /// When the runtime is shutting down.
    pub async fn leave(&self, limit: Duration) -> Option<Duration> {
        let process = self.process.lock().expect("no test panics while it holds this").take()?;
        tokio::task::spawn_blocking(move || process.leave(limit)).await.expect("waiting does not panic")
    }

    /// Lets it stand still, whatever it is doing, until [`Killable::thaw`]: as a paused virtual machine does.
    ///
    /// # Panics
    /// Never.
    pub fn freeze(&self) {
        if let Some(process) = &*self.process.lock().expect("no test panics while it holds this") {
            process.freeze();
        }
    }

    /// Lets it go on after [`Killable::freeze`].
    ///
    /// # Panics
    /// Never.
    pub fn thaw(&self) {
        if let Some(process) = &*self.process.lock().expect("no test panics while it holds this") {
            process.thaw();
        }
    }

    /// What its binary prints when it is run with these arguments, as an operator does.
    ///
    /// # Panics
    /// When it fails.
    pub fn ask(&self, arguments: &[&str]) -> String {
        run(Command::new(&self.binary).args(arguments).envs(environment(&self.command)))
    }

    /// A connection to it, which is made again after a restart. Nobody waits longer than `limit` for an answer.
    ///
    /// # Panics
    /// Never: its address is one.
    pub fn channel(&self, limit: Duration) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("an address");
        endpoint.connect_timeout(limit).timeout(limit).tcp_nodelay(true).connect_lazy()
    }
}

/// Runs a binary in the environment of a command, with what it logs in the file that this names.
fn logging(binary: &Path, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"exec "$0" >>"$LOG" 2>&1"#]).arg(binary).envs(environment(command));
    shell
}

fn environment(command: &Command) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    command.get_envs().filter_map(|(name, value)| Some((name, value?)))
}
