//! Sessions that were closed, for as long as access tokens of them may be about.
//!
//! Access tokens are good for a day by their signature alone. The ids of closed sessions go into a bucket that every
//! gateway watches, so that their tokens end everywhere at once.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_nats::jetstream::kv::Store;
use futures::StreamExt;
use shared::error::Error;
use shared::messaging::Nats;
use shared::messaging::permissions::REVOKED_SESSIONS;
use shared::shutdown::Shutdown;
use shared::time::SKEW;
use tokio::sync::watch;

use super::ACCESS_LIFETIME;
use crate::buckets;

/// How long one is known: while any gateway takes tokens of it, by whichever clock.
const KNOWN: Duration = ACCESS_LIFETIME.saturating_add(SKEW);
/// How long to wait before the bucket is watched again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the broker is asked whether the watch still stands.
const LOOK: Duration = Duration::from_secs(5);
/// How long the broker may take to keep one.
const LIMIT: Duration = Duration::from_secs(3);

/// The sessions that were closed lately.
pub struct RevokedSessions {
    nats: Nats,
    replicas: usize,
    known: RwLock<HashMap<String, Instant>>,
    /// Told whenever there is another.
    news: watch::Sender<()>,
}

impl RevokedSessions {
    /// Creates the bucket, and follows it until `shutdown` begins.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer or refuses.
    pub async fn follow(nats: Nats, replicas: usize, shutdown: &Shutdown) -> Result<Arc<Self>, Error> {
        let news = watch::Sender::default();
        let revoked = Arc::new(Self { nats, replicas, known: RwLock::default(), news });
        revoked.bucket().await.map_err(Error::Unavailable)?;
        let (following, stopping) = (revoked.clone(), shutdown.clone());
        shutdown.spawn(async move {
            tokio::select! {
                () = following.run() => {}
                () = stopping.begun() => {}
            }
        });
        Ok(revoked)
    }

    /// Whether a session was closed.
    pub fn contains(&self, session_id: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(session_id)
    }

    /// Completes when the session is closed; never for a guest, who has none.
    pub async fn closed(&self, session_id: Option<&str>) {
        let Some(session_id) = session_id else { return pending().await };
        let mut news = self.news.subscribe();
        while !self.contains(session_id) {
            // The sender lives as long as this.
            let _ = news.changed().await;
        }
    }

    /// Ends the access tokens of sessions that were closed: here at once, and elsewhere as soon as the broker tells.
    pub async fn add(&self, session_ids: &[String]) {
        for session_id in session_ids {
            self.note(session_id.clone());
        }
        let put = async {
            let bucket = self.bucket().await?;
            for session_id in session_ids {
                bucket.put(session_id, "".into()).await?;
            }
            Ok::<_, async_nats::Error>(())
        };
        let error = match tokio::time::timeout(LIMIT, Box::pin(put)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => "the broker is silent".into(),
        };
        tracing::warn!(%error, "other gateways take the tokens of a closed session until they expire");
    }

    async fn run(&self) {
        loop {
            if let Err(error) = self.watch().await {
                tracing::warn!(%error, "closed sessions cannot be watched; what is known stays");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Watches until that fails. What came in between is told again.
    async fn watch(&self) -> Result<(), async_nats::Error> {
        let mut entries = Box::pin(self.bucket().await?.watch_with_history(">")).await?;
        let connects = || self.nats.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed);
        let connection = connects();
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                entry = entries.next() => match entry {
                    Some(entry) => self.note(entry?.key),
                    None => return Ok(()),
                },
                _ = look.tick() => if connects() != connection { return Ok(()) },
            }
        }
    }

    fn note(&self, session_id: String) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, since| since.elapsed() < KNOWN);
        known.insert(session_id, Instant::now());
        drop(known);
        self.news.send_replace(());
    }

    /// The bucket, made anew if somebody has deleted it.
    async fn bucket(&self) -> Result<Store, async_nats::Error> {
        let description = "sessions that were closed, while access tokens of them may be about";
        buckets::open(&self.nats, REVOKED_SESSIONS, description, KNOWN, self.replicas).await
    }
}
