//! What can be tuned about a channel.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::tls::Reloading;

/// The limits of the calls to one service.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// How long a call may take, all attempts together, unless the request carries its own `grpc-timeout`: 10 s.
    pub deadline: Duration,
    /// Calls in flight to all instances together; one more is refused at once: 1024. There is room for fewer while answers
    /// take much longer than usual. Calls that ask for more time than the deadline above are not among those; of them a
    /// quarter as many may be at work at once meanwhile, and one that takes longer than a second is taken to wait.
    pub concurrency: usize,
    /// There is room for so many, however long answers take: 8. With as many as above there is always the same room.
    pub min_concurrency: usize,
    /// How often a call is sent at most, the first time included: 3.
    pub max_attempts: u32,
    /// The longest pause before the first retry, doubled before each further one: 25 ms. The pause is a random part
    /// of it, so that retries of calls that failed together do not arrive together.
    pub backoff: Duration,
    /// What the doubling ends at: 500 ms.
    pub longest_backoff: Duration,
    /// How many of 100 calls may be retried, counted over ten seconds: 10. With 0 there is only the minimum.
    pub retry_percent: u8,
    /// How many retries a second are allowed in any case: 10.
    pub min_retries_per_second: u32,
    /// After how many failures in a row an instance is ejected: 5. 0 ejects never.
    pub eject_after: u32,
    /// For how long an instance is ejected first, doubled each time its probe fails: 1 s.
    pub ejection: Duration,
    /// What the doubling ends at: 30 s.
    pub longest_ejection: Duration,
    /// How long connecting to an instance may take: 1 s.
    pub connect_timeout: Duration,
    /// How often a silent connection is asked whether its other end is still there: 10 s.
    pub keep_alive_interval: Duration,
    /// How long the answer to that may take until the connection counts as broken: 5 s.
    pub keep_alive_timeout: Duration,
    /// How connections are encrypted, and proven to be ours: not at all by default. See
    /// [`MeshTlsFiles`](crate::mesh::MeshTlsFiles).
    pub tls: Option<Arc<Reloading<ClientConfig>>>,
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            concurrency: 1024,
            min_concurrency: 8,
            max_attempts: 3,
            backoff: Duration::from_millis(25),
            longest_backoff: Duration::from_millis(500),
            retry_percent: 10,
            min_retries_per_second: 10,
            eject_after: 5,
            ejection: Duration::from_secs(1),
            longest_ejection: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(1),
            keep_alive_interval: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(5),
            tls: None,
        }
    }
}
