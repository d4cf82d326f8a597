//! A nats-server with JetStream.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tempfile::TempDir;

use super::LIMIT;
use super::process::{Process, free_port, program};
use crate::config::Secret;
use crate::messaging::permissions::{self, OPERATOR};
use crate::messaging::{Nats, NatsSettings};

/// A broker that processes are run on: one server, or a cluster.
pub trait Broker {
    /// Where it listens: one address, or several with commas between them.
    fn url(&self) -> String;

    /// How one of the mesh's processes, or its operator, connects.
    fn settings(&self, user: &str) -> NatsSettings {
        NatsSettings {
            url: self.url(),
            login: Some((user.to_owned(), Secret::new(password(user)))),
            ca: None,
        }
    }

    /// The environment of a process that connects as `user`.
    fn environment(&self, user: &str) -> [(&'static str, String); 3] {
        [("NATS_URL", self.url()), ("NATS_USER", user.to_owned()), ("NATS_PASSWORD", password(user))]
    }
}

/// A process of nats-server with a folder of its own, which goes away with it.
pub(super) struct Node {
    pub(super) port: u16,
    configuration: String,
    folder: TempDir,
    process: Mutex<Option<Process>>,
}

impl Node {
    /// One that does not run yet, configured so besides.
    pub(super) fn new(configuration: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("mesh-nats-").tempdir().expect("a temporary folder");
        let configuration = configuration.to_owned();
        Self { port: free_port(), configuration, folder, process: Mutex::new(None) }
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts the process; what it had on disk is there.
    pub(super) fn start(&self) {
        self.start_writing_through("always");
    }

    /// Starts the process, which writes through to the disk so often.
    fn start_writing_through(&self, interval: &str) {
        let config = format!(
            "jetstream {{ store_dir: {:?}, sync_interval: {interval} }}\n{}\n{}",
            self.folder.path().join("jetstream").display().to_string(),
            self.configuration,
            permissions::users_conf(),
        );
        std::fs::write(self.folder.path().join("nats.conf"), config).expect("the folder is ours");
        let mut command = Command::new(binary());
        command.arg("--config").arg(self.folder.path().join("nats.conf"));
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        for user in permissions::users() {
            command.env(permissions::password_variable(user), password(user));
        }
        let process = Process::start(&command, None, "KILL", None);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    /// Kills the process; what it has acknowledged stays on disk.
    pub(super) fn kill(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Does something to the process, if it runs.
    pub(super) fn with(&self, act: impl FnOnce(&Process)) {
        if let Some(process) = &*self.process.lock().unwrap_or_else(PoisonError::into_inner) {
            act(process);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Before the folder goes, so that the server does not write into it again.
        self.kill();
    }
}

/// A nats-server of its own on a free port, with file storage in a temporary folder.
pub struct NatsServer(Node);

impl Broker for NatsServer {
    fn url(&self) -> String {
        self.0.url()
    }
}

impl NatsServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not answer.
    pub async fn start() -> Self {
        let server = Self(Node::new(""));
        server.resume().await;
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        Broker::url(self)
    }

    /// A folder that goes away with it, for what else a test keeps.
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// How one of the mesh's processes, or its operator, connects.
    pub fn settings(&self, user: &str) -> NatsSettings {
        Broker::settings(self, user)
    }

    /// The environment of a process that connects as `user`.
    pub fn environment(&self, user: &str) -> [(&'static str, String); 3] {
        Broker::environment(self, user)
    }

    /// A connection to it that may do everything.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn connect(&self) -> Nats {
        self.connect_as(OPERATOR).await
    }

    /// A connection to it that may do what `user` may.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn connect_as(&self, user: &str) -> Nats {
        let began = Instant::now();
        loop {
            match Nats::connect(&self.settings(user), user).await {
                Ok(nats) => return nats,
                Err(error) => assert!(began.elapsed() < LIMIT, "nats-server does not answer: {error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// A core client connected to it.
    pub async fn client(&self) -> async_nats::Client {
        self.connect().await.client
    }

    /// Kills the server; what it has acknowledged stays on disk.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Starts it again after [`NatsServer::kill`], on the same port with the same data.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn resume(&self) {
        self.0.start();
        answers(&self.settings(OPERATOR)).await;
    }

    /// Kills it and starts it again so that it acknowledges before what it has is on the disk, until it is restarted: much
    /// is stored sooner so.
    pub async fn hurry(&self) {
        self.kill();
        self.0.start_writing_through("2m");
        answers(&self.settings(OPERATOR)).await;
    }

    /// Lets it stand still until [`NatsServer::thaw`].
    pub fn freeze(&self) {
        self.0.with(Process::freeze);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.0.with(Process::thaw);
    }

    /// Kills it and starts it again.
    pub async fn restart(&self) {
        self.kill();
        self.resume().await;
    }
}

/// Waits until JetStream answers.
///
/// # Panics
/// When it does not in time.
pub(super) async fn answers(settings: &NatsSettings) {
    let began = Instant::now();
    loop {
        if let Ok(nats) = Nats::connect(settings, OPERATOR).await
            && nats.jetstream.query_account().await.is_ok()
        {
            return;
        }
        assert!(began.elapsed() < LIMIT, "JetStream does not answer");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn binary() -> PathBuf {
    program("NATS_SERVER", "nats-server")
}

fn password(user: &str) -> String {
    format!("password-of-{user}")
}
