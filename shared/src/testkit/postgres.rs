//! PostgreSQL servers: one for all tests of a test binary, and those that somebody starts.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use tokio::sync::OnceCell;

use super::LIMIT;
use super::process::{Process, free_port, run};

static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();

/// A PostgreSQL server of its own on a free port, with its data in a temporary folder.
pub struct PostgresServer {
    port: u16,
    databases: AtomicU32,
    _process: Process,
}

/// The URL of a new, empty database on the server of this test binary.
pub(super) async fn new_database() -> String {
    // No power cut is part of a test: what a killed process leaves is on disk without fsync. A static is never
    // dropped: the server's watchdog ends it when the test binary's process does.
    let server = SERVER.get_or_init(|| start(&["-c", "fsync=off"])).await;
    server.new_database().await
}

impl PostgresServer {
    /// Starts a server that keeps what it has committed, as one in production does.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub async fn start() -> Self {
        start(&[]).await
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let admin = sea_orm::Database::connect(url(self.port, "postgres")).await.expect("the server answers");
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a new database");
        admin.close().await.expect("the connection closes");
        url(self.port, &name)
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://mesh@127.0.0.1:{port}/{database}")
}

async fn start(settings: &[&str]) -> PostgresServer {
    let bin = binaries();
    let folder =
        tempfile::Builder::new().prefix("mesh-postgres-").tempdir().expect("a temporary folder").keep();
    let user = unprivileged(&folder);
    let data = folder.join("data");

    let mut initdb = Command::new(bin.join("initdb"));
    initdb.args([
        "--auth=trust",
        "--username=mesh",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
        "--pgdata",
    ]);
    initdb.arg(&data).current_dir(&folder);
    if let Some((user, group)) = user {
        use std::os::unix::process::CommandExt;
        initdb.uid(user).gid(group);
    }
    run(&mut initdb);

    let port = free_port();
    let mut postgres = Command::new(bin.join("postgres"));
    postgres.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""]);
    postgres.args(["-c", "max_connections=500", "-c", "shared_buffers=64MB"]).args(settings);
    let process = Process::start(&postgres, Some(&folder), "INT", user);
    wait_until_it_answers(port).await;
    PostgresServer { port, databases: AtomicU32::new(0), _process: process }
}

async fn wait_until_it_answers(port: u16) {
    let began = Instant::now();
    while let Err(error) = sea_orm::Database::connect(url(port, "postgres")).await {
        assert!(began.elapsed() < LIMIT, "PostgreSQL does not answer: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// From POSTGRES_BIN, the PATH, Debian's folders, or `.tools`.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("POSTGRES_BIN") {
        return folder.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/postgres/bin");
    std::env::split_paths(&path)
        .chain(debian.map(|version| version.path().join("bin")))
        .chain([tools])
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("PostgreSQL is not installed; `deploy/just test` fetches it")
}

/// PostgreSQL refuses to run as root: then `folder` is given to another user.
fn unprivileged(folder: &Path) -> Option<(u32, u32)> {
    if std::fs::metadata(folder).expect("the folder is ours").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let user = find("postgres").or_else(|| find("nobody")).expect("a user postgres or nobody");
    chown(folder, Some(user.0), Some(user.1)).expect("root may give files away");
    Some(user)
}
