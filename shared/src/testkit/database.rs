//! A database for one test.

use std::path::Path;

use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use super::{Engine, Link, postgres};
use crate::config::Secret;
use crate::database::{Database, DatabaseSettings, migrate};

/// An empty database of its own.
pub struct TestDatabase {
    url: String,
    // The SQLite file goes with it.
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// Makes one.
    ///
    /// # Panics
    /// When the engine cannot be started.
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder =
                    tempfile::Builder::new().prefix("mesh-sqlite-").tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
                Self { url, folder: Some(folder) }
            }
            Engine::Postgres => Self { url: postgres::new_database().await, folder: None },
        }
    }

    /// Where it is.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings { url: Secret::new(&self.url), max_connections: 6, max_writers: 3 }
    }

    /// A way to it that can be cut, and where that begins. PostgreSQL only.
    ///
    /// # Panics
    /// With SQLite.
    pub async fn linked(&self) -> (Link, DatabaseSettings) {
        let server = self.url.strip_prefix("postgres://mesh@127.0.0.1:").expect("a PostgreSQL server");
        let (port, name) = server.split_once('/').expect("a URL of a database");
        let link = Link::to(port.parse().expect("a port")).await;
        let url = Secret::new(format!("postgres://mesh@{}/{name}", link.address()));
        (link, DatabaseSettings { url, ..self.settings() })
    }

    /// The folder that holds it and nothing else; none with PostgreSQL.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// Where it is, for a process's environment.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection with the schema of `M`.
    ///
    /// # Panics
    /// When it cannot be migrated.
    pub async fn migrated<M: MigratorTrait>(&self) -> Database {
        let database = Database::connect(&self.settings()).await.expect("the test database opens");
        migrate::<M>(&database).await.expect("the migrations run");
        database
    }
}
