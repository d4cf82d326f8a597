//! A nats-server with JetStream.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use tempfile::TempDir;

use super::LIMIT;
use super::process::{Process, free_port, program};
use crate::config::Secret;
use crate::messaging::permissions::{self, OPERATOR};
use crate::messaging::{Nats, NatsSettings};

/// A nats-server of its own on a free port, with file storage in a temporary folder.
pub struct NatsServer {
    port: u16,
    folder: TempDir,
    process: Mutex<Option<Process>>,
}

impl NatsServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not answer.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mesh-nats-").tempdir().expect("a temporary folder");
        let config = format!(
            "jetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            folder.path().join("jetstream").display().to_string()
        );
        let config = format!("{config}{}", permissions::users_conf());
        std::fs::write(folder.path().join("nats.conf"), config).expect("the folder is ours");
        let server = Self { port: free_port(), folder, process: Mutex::new(None) };
        server.resume().await;
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A folder that goes away with it, for what else a test keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How one of the mesh's processes, or its operator, connects.
    pub fn settings(&self, user: &str) -> NatsSettings {
        NatsSettings { url: self.url(), login: Some((user.to_owned(), Secret::new(password(user)))) }
    }

    /// The environment of a process that connects as `user`.
    pub fn environment(&self, user: &str) -> [(&'static str, String); 3] {
        [("NATS_URL", self.url()), ("NATS_USER", user.to_owned()), ("NATS_PASSWORD", password(user))]
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
        self.process.lock().expect("no test panics while it holds this").take();
    }

    /// Starts it again after [`NatsServer::kill`], on the same port with the same data.
    pub async fn resume(&self) {
        let mut command = Command::new(self.binary());
        command.arg("--config").arg(self.folder.path().join("nats.conf"));
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        for user in permissions::users() {
            command.env(permissions::password_variable(user), password(user));
        }
        let process = Process::start(&command, None, "KILL", None);
        *self.process.lock().expect("no test panics while it holds this") = Some(process);
        let began = Instant::now();
        loop {
            let nats = self.connect().await;
            if nats.jetstream.query_account().await.is_ok() {
                return;
            }
            assert!(began.elapsed() < LIMIT, "JetStream does not answer");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Lets it stand still until [`NatsServer::thaw`].
    pub fn freeze(&self) {
        if let Some(process) = &*self.process.lock().expect("no test panics while it holds this") {
            process.freeze();
        }
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        if let Some(process) = &*self.process.lock().expect("no test panics while it holds this") {
            process.thaw();
        }
    }

    /// Kills it and starts it again.
    pub async fn restart(&self) {
        self.kill();
        self.resume().await;
    }

    fn binary(&self) -> PathBuf {
        program("NATS_SERVER", "nats-server")
    }
}

fn password(user: &str) -> String {
    format!("password-of-{user}")
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // Before the folder goes, so that the server does not write into it again.
        self.kill();
    }
}
