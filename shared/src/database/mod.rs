//! SQLite or PostgreSQL through sea-orm: pools, writing transactions and migrations.

mod measure;
mod migrations;
mod transaction;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::ready;
pub use migrations::migrate;
use sea_orm::sqlx::Connection;
use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend, DbErr};
use tokio::sync::Semaphore;
pub use transaction::Transaction;

use crate::config::Secret;
use crate::messaging::OutboxSignal;
use crate::metrics::names;

/// How long a statement waits for a connection, and a SQLite writer for the one before it.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// How the database is reached.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://<file>?mode=rwc` or `postgres://…`. A secret, for it may hold a password.
    pub url: Secret,
    /// Connections for reading (SQLite), or in all (PostgreSQL).
    pub max_connections: u32,
    /// Writing transactions at once; on SQLite it is one, whatever is said here.
    pub max_writers: usize,
}

impl DatabaseSettings {
    /// Two for each processor, and four at least. More connections than can make progress only wait for each other, with
    /// their transactions open.
    pub fn connections() -> u32 {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        u32::try_from(processors * 2).unwrap_or(u32::MAX).max(4)
    }

    /// One more than there are processors. More writers than can make progress only hold their locks for longer.
    pub fn writers() -> usize {
        std::thread::available_parallelism().map_or(2, |processors| processors.get() + 1)
    }
}

/// One service's database.
///
/// On SQLite there is one connection that writes and a pool of connections that can only read, so that readers
/// never wait for a writer and two writers never meet; on PostgreSQL both are the same pool.
#[derive(Clone)]
pub struct Database {
    read: DatabaseConnection,
    write: DatabaseConnection,
    writers: Arc<Semaphore>,
    outbox: Arc<OutboxSignal>,
}

impl Database {
    /// Opens the pools; the database file is created when the URL says so.
    ///
    /// # Errors
    /// When the URL is of neither kind or nothing answers there.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, DbErr> {
        let url = settings.url.expose();
        let (read, write, writers) = if url.starts_with("sqlite:") {
            let write = open_sqlite(sqlite_options(url, 1, false)).await?;
            let read = open_sqlite(sqlite_options(url, settings.max_connections, true)).await?;
            (read, write, 1)
        } else {
            let both = sea_orm::Database::connect(options(url, settings.max_connections)).await?;
            (both.clone(), both, settings.max_writers.max(1))
        };
        Ok(Self { read, write, writers: Arc::new(Semaphore::new(writers)), outbox: Arc::default() })
    }

    /// For queries. On SQLite a statement that writes fails here.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For single statements that write and belong to no aggregate, such as the relay's marks.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a writing transaction. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`): a transaction
    /// that first reads and then writes would otherwise fail when another one wrote in between.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when no connection is free in time.
    pub async fn begin(&self) -> Result<Transaction, crate::Error> {
        let turn = tokio::time::timeout(WAIT_LIMIT, self.writers.clone().acquire_owned());
        let late = || crate::Error::Unavailable("too many transactions are open".into());
        let asked = Instant::now();
        let turn = turn.await.map_err(|_| late())?.map_err(crate::Error::internal)?;
        let begun = Transaction::begin(&self.write, turn, self.outbox.clone()).await;
        metrics::histogram!(names::DATABASE_WAIT).record(asked.elapsed());
        begun
    }

    /// Tells when committed transactions have left events in the outbox.
    pub fn outbox_signal(&self) -> Arc<OutboxSignal> {
        self.outbox.clone()
    }

    /// Which of the two it is.
    pub fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What the database or its pool said.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.read.ping().await
    }

    /// Closes the pools; SQLite merges its write-ahead log into the file.
    pub async fn close(self) {
        for connection in [self.read, self.write] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a database pool did not close");
            }
        }
    }
}

fn options(url: &str, max_connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
        .connect_timeout(WAIT_LIMIT)
        .acquire_timeout(WAIT_LIMIT)
        .test_before_acquire(!url.starts_with("sqlite:"))
        .sqlx_logging(false);
    options
}

/// Opens a pool. Of several processes that open a new file at once, one turns the write-ahead log on and the others
/// are told that the file is locked, at once: SQLite's own waiting does not cover that moment.
async fn open_sqlite(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let deadline = Instant::now() + WAIT_LIMIT;
    loop {
        match sea_orm::Database::connect(options.clone()).await {
            Err(error) if is_locked(&error) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &DbErr) -> bool {
    error.to_string().contains("database is locked")
}

/// Whether it may be as well a moment later: SQLite is locked by somebody who stands still, or its disk is full.
pub(crate) fn is_transient(error: &DbErr) -> bool {
    is_locked(error) || error.to_string().contains("database or disk is full")
}

fn sqlite_options(url: &str, max_connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = options(url, max_connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .busy_timeout(WAIT_LIMIT)
            .foreign_keys(true)
            .pragma("journal_mode", "WAL")
            // What was answered with success survives a power cut, as it does in JetStream and PostgreSQL.
            .pragma("synchronous", "FULL");
        if read_only { sqlite.pragma("query_only", "ON") } else { sqlite }
    });
    // SQLite itself ends a transaction for which the disk had no room. sqlx, which cannot roll it back then, believes from there
    // on that it is open, and that whatever begins is a savepoint in it: what is committed so is lost with the process.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        let is_clean = !connection.is_in_transaction();
        ready(Ok(is_clean)).boxed()
    });
    options
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};

    use super::*;
    use crate::testkit::{Engine, TestDatabase};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_file_can_be_opened_by_many_at_once() {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let opened = (0..12).map(|_| {
            tokio::spawn({
                let settings = file.settings();
                async move { Database::connect(&settings).await }
            })
        });
        for database in futures::future::join_all(opened).await {
            database.unwrap().unwrap().ping().await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_committed_after_the_disk_was_full_is_stored() {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let database = Database::connect(&file.settings()).await.unwrap();
        for setup in ["CREATE TABLE note (text BLOB)", "PRAGMA max_page_count = 1"] {
            database.write().execute_unprepared(setup).await.unwrap();
        }
        let note = async |size: usize| {
            let transaction = database.begin().await?;
            let insert = format!("INSERT INTO note VALUES (zeroblob({size}))");
            transaction.execute_unprepared(&insert).await?;
            Ok::<_, crate::Error>(transaction)
        };
        let refusal = note(1 << 20).await.err().unwrap();
        assert!(matches!(refusal, crate::Error::Unavailable(_)), "{refusal:?}");

        drop(note(1).await.unwrap());
        note(2).await.unwrap().commit().await.unwrap();
        // Another connection sees it, so it would be there after a crash.
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT length(text) AS size FROM note");
        let rows = database.read().query_all_raw(all).await.unwrap();
        let sizes: Vec<i64> = rows.iter().map(|row| row.try_get("", "size").unwrap()).collect();
        assert_eq!(sizes, [2]);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let file = TestDatabase::new(Engine::Sqlite).await;
        let database = Database::connect(&file.settings()).await.unwrap();
        let create = "CREATE TABLE forbidden (id TEXT)";
        assert!(database.read().execute_unprepared(create).await.is_err());
        database.write().execute_unprepared(create).await.unwrap();
    }
}
