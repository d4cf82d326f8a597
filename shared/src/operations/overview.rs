//! Everything on one screen.

use serde::Serialize;

use super::{ConsumerState, InstanceState, Operations, StreamState};
use crate::Error;
use crate::mesh::{GATEWAY, SERVICES};
use crate::messaging::DEAD_LETTERS;

/// The mesh as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Every live instance.
    pub instances: Vec<InstanceState>,
    /// Services of which no instance lives.
    pub missing: Vec<&'static str>,
    /// Every stream.
    pub streams: Vec<StreamState>,
    /// Every durable consumer.
    pub consumers: Vec<ConsumerState>,
    /// How many events wait in the outboxes. Replicas of a service share one, which counts once.
    pub outbox: u64,
    /// How many dead letters there are.
    pub dead_letters: u64,
}

impl Operations {
    /// Everything on one screen.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let of_streams = async {
            let streams = self.streams().await?;
            let consumers = self.consumers_among(&streams).await?;
            Ok((streams, consumers))
        };
        let (instances, (streams, consumers)) =
            Box::pin(futures::future::try_join(self.instances(), of_streams)).await?;
        let lives = |service: &&str| instances.iter().any(|state| state.instance.service == **service);
        let missing = SERVICES.into_iter().chain([GATEWAY]).filter(|service| !lives(service)).collect();
        let letters = streams.iter().find(|stream| stream.name == DEAD_LETTERS);
        Ok(Overview {
            missing,
            outbox: SERVICES.iter().map(|service| backlog(&instances, service)).sum(),
            dead_letters: letters.map_or(0, |stream| stream.messages),
            instances,
            streams,
            consumers,
        })
    }
}

/// The most that an instance of the service saw.
fn backlog(instances: &[InstanceState], service: &str) -> u64 {
    let of_service = instances.iter().filter(|state| state.instance.service == service);
    of_service.filter_map(|state| Some(state.report.as_ref()?.outbox?.waiting)).max().unwrap_or_default()
}
