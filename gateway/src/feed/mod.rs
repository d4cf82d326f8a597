//! What happens in counsels and to message tokens, for the devices of their users.
//!
//! One [`source`] for the process reads each stream of facts; a [`ring`] for each keeps the latest of them, and the
//! [`hub`] tells them. A feed begins with what its device has missed and goes on with what comes; its [`position`] is
//! where it is in all streams. No feed holds another one up: one that does not keep pace is closed, and its client
//! resumes where it was.

mod hub;
mod position;
mod ring;
mod source;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use hub::Hub;
pub use hub::{Feed, FeedRefusal};
use position::FactStream;
pub use position::LastEventId;
pub use ring::{Entry, Fact};
use shared::shutdown::Shutdown;

/// How long a feed that comes first waits for the source, and a client for the broker.
const PATIENCE: Duration = Duration::from_secs(5);

/// What feeds may take.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// How far back a gateway that starts begins to read.
    pub history: Duration,
    /// How many facts of each stream it keeps for those who resume.
    pub events: usize,
    /// How many feeds it serves at once.
    pub connections: usize,
    /// How many of them one user may have.
    pub connections_per_user: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        let history = Duration::from_secs(600);
        Self { history, events: 10_000, connections: 10_000, connections_per_user: 8 }
    }
}

/// The feeds of this process.
pub struct Feeds {
    hub: Arc<Hub>,
    jetstream: jetstream::Context,
}

impl Feeds {
    /// Begins to read, until shutdown begins.
    pub fn start(jetstream: jetstream::Context, settings: FeedSettings, shutdown: &Shutdown) -> Self {
        let history = settings.history;
        let hub = Arc::new(Hub::new(settings));
        for stream in FactStream::ALL {
            let source = source::Source::new(stream, hub.clone(), jetstream.clone(), history);
            shutdown.spawn(source.follow(shutdown.clone()));
        }
        Self { hub, jetstream }
    }

    /// Opens a feed of a user whose client has seen everything up to `seen`, or begins now.
    ///
    /// # Errors
    /// When there are too many, or the streams could not be read yet.
    pub async fn open(&self, user_id: &str, seen: Option<LastEventId>) -> Result<Feed, FeedRefusal> {
        if tokio::time::timeout(PATIENCE, self.hub.ready()).await.is_err() {
            return Err(FeedRefusal::NotReady);
        }
        let seen = match seen {
            Some(seen) if !self.exists(seen).await => Some(LastEventId::Unknown),
            seen => seen,
        };
        self.hub.subscribe(user_id, seen)
    }

    /// Whether the streams have come as far as a client says. Another gateway may have read further than this one.
    async fn exists(&self, seen: LastEventId) -> bool {
        for stream in FactStream::ALL {
            let Some(sequence) = seen.of(stream).filter(|seen| *seen > self.hub.last(stream)) else {
                continue;
            };
            let stream = self.jetstream.get_stream(stream.name());
            let stream = tokio::time::timeout(PATIENCE, Box::pin(stream)).await;
            if !matches!(stream, Ok(Ok(stream)) if stream.cached_info().state.last_sequence >= sequence) {
                return false;
            }
        }
        true
    }
}
