//! A writing transaction that keeps events beside the change they tell of.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use tokio::sync::OwnedSemaphorePermit;

use crate::Error;
use crate::messaging::{Event, OutboxSignal, outbox};

/// A writing transaction: what is done in it and the events it publishes happen together or not at all.
///
/// It dereferences to the sea-orm transaction, for statements. Dropped without [`Transaction::commit`], it rolls back.
pub struct Transaction {
    inner: DatabaseTransaction,
    outbox: Arc<OutboxSignal>,
    /// Written all at once at the end: each statement is a round trip that others may wait for.
    events: Mutex<Vec<outbox::ActiveModel>>,
    /// When it had its connection and, on SQLite, the write lock: from then on others wait for it.
    began: Instant,
    /// Dropped with the transaction: then the next one may begin.
    _turn: OwnedSemaphorePermit,
}

impl Transaction {
    pub(super) async fn begin(
        write: &DatabaseConnection,
        turn: OwnedSemaphorePermit,
        outbox: Arc<OutboxSignal>,
    ) -> Result<Self, Error> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = write.begin_with_options(options).await?;
        Ok(Self { inner, outbox, events: Mutex::default(), began: Instant::now(), _turn: turn })
    }

    /// Lets nobody else hold this lock until the end of the transaction.
    ///
    /// On SQLite the write lock of the transaction itself is the lock.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lock(&self, key: i64) -> Result<(), Error> {
        if self.inner.get_database_backend() == DbBackend::Postgres {
            self.inner.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({key})")).await?;
        }
        Ok(())
    }

    /// Puts `event` into the outbox when the transaction commits; the relay publishes it after that.
    ///
    /// # Errors
    /// When the event cannot be told as JSON.
    pub fn publish<E: Event>(&self, event: &E) -> Result<(), Error> {
        let row = outbox::row(event)?;
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        Ok(())
    }

    /// Commits, and wakes the relay when there are events. At the level `debug` the log tells how long it was open.
    ///
    /// # Errors
    /// When the database refused the commit: nothing of the transaction has then happened.
    pub async fn commit(self) -> Result<(), Error> {
        let events = self.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let has_events = !events.is_empty();
        #[cfg(feature = "sabotage")]
        crate::sabotage::publish_ahead(&events).await;
        outbox::append(&self.inner, events).await?;
        self.inner.commit().await?;
        tracing::debug!(ms = self.began.elapsed().as_secs_f64() * 1000.0, "transaction committed");
        if has_events {
            self.outbox.notify();
        }
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}
