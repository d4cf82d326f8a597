//! What the streams hold.

use futures::TryStreamExt;
use serde::Serialize;

use super::{Operations, unavailable};
use crate::Error;
use crate::messaging::STREAMS;
use crate::time::Timestamp;

/// A stream as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamState {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it takes.
    pub subjects: Vec<String>,
    /// Whether it is one of the mesh's streams of events. Key-value buckets are streams too.
    pub of_events: bool,
    /// How many messages it holds.
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The sequence number of the first message that it still holds.
    pub first_sequence: u64,
    /// The sequence number of the last message that it took.
    pub last_sequence: u64,
    /// When it took the last message, if it ever did.
    pub last_at: Option<Timestamp>,
    /// How many consumers read it.
    pub consumers: usize,
    /// How many copies of it a cluster keeps.
    pub replicas: usize,
}

impl Operations {
    /// Every stream of the broker, the mesh's own first and in the order of the table.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer.
    pub async fn streams(&self) -> Result<Vec<StreamState>, Error> {
        let infos: Vec<_> = self.nats.jetstream.streams().try_collect().await.map_err(unavailable)?;
        let place = |name: &str| STREAMS.iter().position(|spec| spec.name == name);
        let mut streams: Vec<_> = infos
            .into_iter()
            .map(|info| StreamState {
                of_events: place(&info.config.name).is_some(),
                description: info.config.description.unwrap_or_default(),
                subjects: info.config.subjects,
                messages: info.state.messages,
                bytes: info.state.bytes,
                first_sequence: info.state.first_sequence,
                last_sequence: info.state.last_sequence,
                last_at: (info.state.last_sequence > 0).then(|| info.state.last_timestamp.into()),
                consumers: info.state.consumer_count,
                replicas: info.config.num_replicas,
                name: info.config.name,
            })
            .collect();
        streams.sort_by(|one, other| {
            let order =
                |stream: &StreamState| (place(&stream.name).unwrap_or(usize::MAX), stream.name.clone());
            order(one).cmp(&order(other))
        });
        Ok(streams)
    }
}
