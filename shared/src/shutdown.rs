//! Graceful shutdown, as a value that is passed to what has to stop.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells tasks to stop, and waits until they have.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Runs `task` in the background; [`Shutdown::finish`] waits for it.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Completes when shutdown has begun.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Whether shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Begins shutdown: every [`Shutdown::begun`] completes.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Begins shutdown and waits for the tasks; false when some were still running after `limit`.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.begin();
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}

/// Completes at SIGTERM or Ctrl-C.
pub async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be watched; only Ctrl-C stops this process");
            let _ = interrupt.await;
        }
    }
}
