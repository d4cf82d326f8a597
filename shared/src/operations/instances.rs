//! Who runs, and how they are.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Subscriber;
use async_nats::jetstream::consumer::DeliverPolicy;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::scan::{Part, Scan};
use super::{Operations, events::header, unavailable};
use crate::Error;
use crate::health::Report;
use crate::mesh::{BUCKET, Instance, Stats, drain_subject};
use crate::proto::events::v1;

/// How long instances may take to say how they are. One that is slower is shown without.
const ANSWERS: Duration = Duration::from_millis(200);
/// How long an instance may take to say that it will leave.
const DRAIN: Duration = Duration::from_secs(2);
/// How often it is looked whether an instance has left.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A process of the mesh.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceState {
    /// As it is in the registry.
    #[serde(flatten)]
    pub instance: Instance,
    /// What it says of itself; nothing when it does not answer.
    pub report: Option<Report>,
}

/// The part of an answer to `$SRV.STATS` that is read
/// (<https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md>).
#[derive(Deserialize)]
struct Answer {
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    data: Option<Value>,
}

/// What instances say of themselves, as they answer.
struct Answers {
    answers: Subscriber,
    end: Instant,
}

impl Answers {
    /// The reports of these instances, by id, of whoever answers in time.
    async fn of(mut self, instances: &[Instance]) -> HashMap<String, Report> {
        let mut reports = HashMap::new();
        while instances.iter().any(|instance| !reports.contains_key(&instance.id)) {
            let Ok(Some(answer)) = tokio::time::timeout_at(self.end, self.answers.next()).await else {
                break;
            };
            // Others may answer there too, with something else.
            let Ok(Answer { endpoints }) = serde_json::from_slice(&answer.payload) else { continue };
            for data in endpoints.into_iter().filter_map(|endpoint| endpoint.data) {
                if let Ok(Stats { instance, report }) = serde_json::from_value(data) {
                    reports.insert(instance, report);
                }
            }
        }
        reports
    }
}

impl Operations {
    /// Every live instance, by service and then by when it started.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer.
    pub async fn instances(&self) -> Result<Vec<InstanceState>, Error> {
        // Asked before it is known who should answer, so that the time runs meanwhile.
        let answers = self.ask().await?;
        let mut instances = self.registered().await?;
        let mut reports = answers.of(&instances).await;
        instances.sort_by(|one, other| {
            (&one.service, one.started_at, &one.id).cmp(&(&other.service, other.started_at, &other.id))
        });
        let with_report =
            |instance: Instance| InstanceState { report: reports.remove(&instance.id), instance };
        Ok(instances.into_iter().map(with_report).collect())
    }

    /// What the registry holds.
    async fn registered(&self) -> Result<Vec<Instance>, Error> {
        let bucket = format!("KV_{BUCKET}");
        let keys = format!("$KV.{BUCKET}.>");
        let last = DeliverPolicy::LastPerSubject;
        let scan = Scan::begin(&self.nats.jetstream, &bucket, &keys, last, Part::Whole).await?;
        let Some(mut scan) = scan else { return Ok(Vec::new()) };
        let mut instances = Vec::new();
        loop {
            let messages = scan.next().await?;
            if messages.is_empty() {
                break;
            }
            let present = messages.iter().filter(|message| header(message, "KV-Operation").is_none());
            // An entry that this version cannot read is another's matter.
            instances
                .extend(present.filter_map(|entry| serde_json::from_slice::<Instance>(&entry.payload).ok()));
        }
        scan.end().await;
        Ok(instances)
    }

    /// Asks all who are there how they are.
    async fn ask(&self) -> Result<Answers, Error> {
        let client = &self.nats.client;
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await.map_err(unavailable)?;
        client.publish_with_reply("$SRV.STATS", inbox, "".into()).await.map_err(unavailable)?;
        Ok(Answers { answers, end: Instant::now() + ANSWERS })
    }

    /// Whether an instance was gone from the registry before `limit` had passed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not answer.
    pub async fn has_left(&self, id: &str, limit: Duration) -> Result<bool, Error> {
        let end = Instant::now() + limit;
        loop {
            if self.registered().await?.iter().all(|instance| instance.id != id) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Asks an instance to leave, as SIGTERM does: out of the registry, finish what is in flight, end. Named by its id or
    /// the beginning of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Invalid`] when there are several, [`Error::Unavailable`] when it
    /// does not answer.
    pub async fn drain(&self, id: &str) -> Result<Instance, Error> {
        let mut named: Vec<_> = self.registered().await?;
        named.retain(|instance| !id.is_empty() && instance.id.starts_with(id));
        if named.len() > 1 {
            let ids: Vec<_> = named.iter().map(|instance| instance.id.as_str()).collect();
            return Err(Error::invalid(
                "instance",
                format!("must name one instance, not {}", ids.join(", ")),
            ));
        }
        let instance = named.pop().ok_or(Error::NotFound("instance"))?;
        let event = v1::InstanceDrainRequested {
            instance: instance.id.clone(),
            service: instance.service.clone(),
            operator: self.operator.clone(),
        };
        self.record(&event, None).await?;
        let subject = drain_subject(&instance.service, &instance.id);
        let asked = self.nats.client.request(subject, "".into());
        let late = || Error::Unavailable("the instance did not answer".into());
        tokio::time::timeout(DRAIN, asked).await.map_err(|_| late())?.map_err(unavailable)?;
        Ok(instance)
    }
}
