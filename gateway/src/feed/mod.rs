//! What happens in counsels, for the devices of their users.
//!
//! One [`source`] for the process reads the stream of facts; the [`ring`] keeps the latest of them, and the [`hub`] tells
//! them. A feed begins with what its device has missed and goes on with what comes. No feed holds another one up: one
//! that does not keep pace is closed, and its client resumes where it was.

mod hub;
mod ring;
mod source;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use hub::Hub;
pub use hub::{Feed, FeedRefusal};
pub use ring::{Entry, Fact};
use shared::messaging::permissions::FEEDS;
use shared::shutdown::Shutdown;

/// How long a feed that comes first waits for the source, and a client for the broker.
const PATIENCE: Duration = Duration::from_secs(5);

/// What feeds may take.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// How far back a gateway that starts begins to read.
    pub history: Duration,
    /// How many facts it keeps for those who resume.
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

/// What a client says it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// Everything up to this sequence.
    Sequence(u64),
    /// Something that no gateway has told it.
    Unknown,
}

impl LastEventId {
    /// Reads what the client sent.
    pub fn read(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::Sequence)
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
        shutdown.spawn(source::follow(hub.clone(), jetstream.clone(), history, shutdown.clone()));
        Self { hub, jetstream }
    }

    /// Opens a feed of a user whose client has seen everything up to `seen`, or begins now.
    ///
    /// # Errors
    /// When there are too many, or the stream could not be read yet.
    pub async fn open(&self, user_id: &str, seen: Option<LastEventId>) -> Result<Feed, FeedRefusal> {
        if tokio::time::timeout(PATIENCE, self.hub.ready()).await.is_err() {
            return Err(FeedRefusal::NotReady);
        }
        let seen = match seen {
            // Another gateway may have read further than this one.
            Some(LastEventId::Sequence(sequence)) if sequence > self.hub.last() => {
                let exists = self.exists(sequence).await;
                Some(if exists { LastEventId::Sequence(sequence) } else { LastEventId::Unknown })
            }
            seen => seen,
        };
        self.hub.subscribe(user_id, seen)
    }

    /// Whether the stream has come as far as this.
    async fn exists(&self, sequence: u64) -> bool {
        let stream = tokio::time::timeout(PATIENCE, Box::pin(self.jetstream.get_stream(FEEDS))).await;
        matches!(stream, Ok(Ok(stream)) if stream.cached_info().state.last_sequence >= sequence)
    }
}
