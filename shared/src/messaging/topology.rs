//! Every stream and every durable consumer, in one table, and the reconciliation of the broker with it.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::{
    self, ConsumerError, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType,
};

use super::permissions::OPERATOR;
use super::{Event, Nats};
use crate::Error;
use crate::proto::events::v1;

/// A stream of facts.
pub struct StreamSpec {
    /// Its name, upper case.
    pub name: &'static str,
    /// What it takes.
    pub subjects: &'static str,
    /// For operators.
    pub description: &'static str,
    /// The service whose facts it holds, and which declares it.
    pub owner: &'static str,
}

/// Every stream of the mesh.
pub const STREAMS: [StreamSpec; 5] = [
    StreamSpec {
        name: "USERS",
        subjects: "users.>",
        description: "facts about users, from user-svc",
        owner: "user-svc",
    },
    StreamSpec {
        name: "COUNSELS",
        subjects: "counsels.>",
        description: "facts about counsels, from counseling-svc",
        owner: "counseling-svc",
    },
    StreamSpec {
        name: "PAYMENTS",
        subjects: "payments.>",
        description: "facts about payments, from payment-svc",
        owner: "payment-svc",
    },
    StreamSpec {
        name: DEAD_LETTERS,
        subjects: "dlq.>",
        description: "events that a consumer could not apply",
        // Who consumes needs it, so every service declares it.
        owner: OPERATOR,
    },
    StreamSpec {
        name: OPERATIONS,
        subjects: "operations.>",
        description: "what operators asked of the mesh",
        owner: OPERATOR,
    },
];

/// The stream of what operators did.
pub const OPERATIONS: &str = "OPERATIONS";

/// The stream of dead letters.
pub const DEAD_LETTERS: &str = "DLQ";

/// A durable pull consumer: one effect of one kind of fact in one service.
#[derive(Debug)]
pub struct ConsumerSpec {
    /// `<service>-<effect>`; also the consumer's name in the inbox and in dead letters' subjects.
    pub name: &'static str,
    /// The service that it belongs to.
    pub owner: &'static str,
    /// The stream it reads.
    pub stream: &'static str,
    /// The facts it takes, each with any aggregate id.
    pub facts: &'static [&'static str],
    /// How many events one process works on at once. With more than one, events of one aggregate may overtake each
    /// other.
    pub concurrency: usize,
}

/// user-svc: settles and releases token reservations.
pub const SETTLE_RESERVATIONS: ConsumerSpec = ConsumerSpec {
    name: "user-svc-reservations",
    owner: "user-svc",
    stream: "COUNSELS",
    facts: &[v1::CounselMessageCreated::SUBJECT, v1::CounselMessageFailed::SUBJECT],
    concurrency: 1,
};

/// user-svc: counts counsels and messages of each user.
pub const TRACK_USERS: ConsumerSpec = ConsumerSpec {
    name: "user-svc-tracking",
    owner: "user-svc",
    stream: "COUNSELS",
    facts: &[v1::CounselCreated::SUBJECT, v1::CounselMessageCreated::SUBJECT],
    concurrency: 1,
};

/// user-svc: credits bought tokens, and takes back those of refunds.
pub const CREDIT_TOKENS: ConsumerSpec = ConsumerSpec {
    name: "user-svc-credits",
    owner: "user-svc",
    stream: "PAYMENTS",
    facts: &[v1::OrderPaid::SUBJECT, v1::OrderRefunded::SUBJECT],
    concurrency: 1,
};

/// user-svc: gives the allowances of monthly passes, and takes them back.
pub const KEEP_PASSES: ConsumerSpec = ConsumerSpec {
    name: "user-svc-passes",
    owner: "user-svc",
    stream: "PAYMENTS",
    facts: &[v1::SubscriptionRenewed::SUBJECT, v1::SubscriptionLapsed::SUBJECT],
    concurrency: 1,
};

/// counseling-svc: understands what was said, keeps long counsels short, and changes techniques. Each event waits for
/// the assistant, so several are worked on at once.
pub const UNDERSTAND_COUNSELS: ConsumerSpec = ConsumerSpec {
    name: "counseling-svc-understanding",
    owner: "counseling-svc",
    stream: "COUNSELS",
    facts: &[v1::CounselMessageCreated::SUBJECT],
    concurrency: 16,
};

/// counseling-svc: erases what deleted users said.
pub const ERASE_USERS: ConsumerSpec = ConsumerSpec {
    name: "counseling-svc-erasure",
    owner: "counseling-svc",
    stream: "USERS",
    facts: &[v1::UserDeleted::SUBJECT],
    concurrency: 1,
};

/// payment-svc: keeps a customer for every user.
pub const KEEP_CUSTOMERS: ConsumerSpec = ConsumerSpec {
    name: "payment-svc-customers",
    owner: "payment-svc",
    stream: "USERS",
    facts: &[v1::UserCreated::SUBJECT, v1::UserDeleted::SUBJECT],
    concurrency: 1,
};

/// Every consumer of the mesh.
pub const CONSUMERS: [&ConsumerSpec; 7] = [
    &SETTLE_RESERVATIONS,
    &TRACK_USERS,
    &CREDIT_TOKENS,
    &KEEP_PASSES,
    &UNDERSTAND_COUNSELS,
    &ERASE_USERS,
    &KEEP_CUSTOMERS,
];

/// What streams and consumers have in common.
#[derive(Clone, Debug)]
pub struct TopologySettings {
    /// Copies of each stream in a cluster: 1, 3 or 5.
    pub replicas: usize,
    /// How long an event is kept.
    pub max_age: Duration,
    /// How many bytes a stream keeps; -1 for no limit.
    pub max_bytes: i64,
    /// How long the broker waits for an ack before it delivers again.
    pub ack_wait: Duration,
}

impl Default for TopologySettings {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_age: Duration::from_secs(30 * 86_400),
            max_bytes: -1,
            ack_wait: Duration::from_secs(30),
        }
    }
}

/// Creates or updates the streams of a service, and those of operators. Nothing is ever deleted. Its consumers are
/// declared by whoever runs them, once the stream they read is there.
///
/// # Errors
/// [`Error::Unavailable`] when the broker does not answer or refuses.
pub async fn reconcile(nats: &Nats, settings: &TopologySettings, service: &str) -> Result<(), Error> {
    let declared = |spec: &&StreamSpec| spec.owner == service || spec.owner == OPERATOR;
    for spec in STREAMS.iter().filter(declared) {
        nats.jetstream
            .create_or_update_stream(stream_config(spec, settings))
            .await
            .map_err(|error| Error::Unavailable(Box::new(error)))?;
    }
    Ok(())
}

fn stream_config(spec: &StreamSpec, settings: &TopologySettings) -> stream::Config {
    stream::Config {
        name: spec.name.to_owned(),
        description: Some(spec.description.to_owned()),
        subjects: vec![spec.subjects.to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        num_replicas: settings.replicas,
        max_age: settings.max_age,
        max_bytes: settings.max_bytes,
        duplicate_window: Duration::from_secs(120).min(settings.max_age),
        allow_direct: true,
        ..stream::Config::default()
    }
}

/// Creates or updates one consumer, and returns it; nothing while its stream is not there.
pub(super) async fn ensure_consumer(
    nats: &Nats,
    spec: &ConsumerSpec,
    settings: &TopologySettings,
) -> Result<Option<Consumer<pull::Config>>, ConsumerError> {
    let config = pull::Config {
        durable_name: Some(spec.name.to_owned()),
        filter_subjects: spec.facts.iter().map(|fact| format!("{fact}.>")).collect(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        // The runner counts deliveries and moves the last one to the dead letters. A limit in the broker would
        // leave a message that a crashed process had last in nobody's hands.
        max_deliver: -1,
        max_ack_pending: 1024,
        ..pull::Config::default()
    };
    match nats.jetstream.create_consumer_on_stream(config, spec.stream).await {
        Ok(consumer) => Ok(Some(consumer)),
        Err(error) => match error.kind() {
            ConsumerErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consumer_reads_facts_of_its_stream() {
        for consumer in CONSUMERS {
            let stream = STREAMS.iter().find(|stream| stream.name == consumer.stream).unwrap();
            let prefix = stream.subjects.trim_end_matches('>');
            assert!(consumer.facts.iter().all(|fact| fact.starts_with(prefix)), "{}", consumer.name);
        }
    }
}
