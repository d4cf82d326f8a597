//! What the variables mean that shared code reads.

use super::Meaning;

/// Of every process, and of the services.
pub const MEANINGS: &[Meaning] = &[
    Meaning::of("LISTEN_ADDR", "where it listens; port 0 takes a free one"),
    Meaning::of(
        "NATS_URL",
        "the broker; several servers of a cluster with commas between them, `tls://` to encrypt",
    ),
    Meaning::of(
        "NATS_USER",
        "who asks: `user-svc`, `counseling-svc`, `payment-svc` or `gateway`, each with [what it needs](security.md#nats)",
    ),
    Meaning::of("NATS_PASSWORD", "its password"),
    Meaning::of(
        "NATS_CA",
        "PEM file: the authority that vouches for the broker's servers, beside those that the system trusts",
    ),
    Meaning::of("LOG_FORMAT", "`pretty`, `json`, or `auto`: pretty on a terminal"),
    Meaning::of(
        "METRICS_ADDR",
        "where [metrics](operations.md#metrics), `/livez` and `/readyz` ([health](operations.md#health)) are served; port 0 takes a free one, which the log names. `healthcheck` asks there",
    ),
    Meaning::of(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "a collector that [traces](operations.md#traces) are exported to, e.g. `http://127.0.0.1:4317`",
    ),
    Meaning::of("OTEL_EXPORTER_OTLP_PROTOCOL", "`grpc` is the only one"),
    Meaning::of(
        "OTEL_TRACES_SAMPLER",
        "which traces are exported: `always_on`, `always_off`, `traceidratio`, and the same after `parentbased_`",
    ),
    Meaning::of("OTEL_TRACES_SAMPLER_ARG", "the part of them, for `traceidratio`"),
    Meaning::of(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "what the collector wants to know, such as a key: `NAME=VALUE,…`, a value percent-encoded where it has to be",
    ),
    Meaning::of(
        "OTEL_BSP_SCHEDULE_DELAY",
        "milliseconds that an ended span waits at most for others to be sent with",
    ),
    Meaning::of("OTEL_BSP_MAX_QUEUE_SIZE", "ended spans that wait at most; what ends meanwhile is dropped"),
    Meaning::of("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "ended spans that are sent at once"),
    Meaning::of(
        "MESH_TOKEN_CACHE",
        "gateway: callers for whom a call's token is used again for 30 seconds; services: tokens that are not verified again; 0: none",
    ),
    Meaning::of(
        "MESH_TLS_CERT",
        "PEM file: the certificate by which the gateway and the services know this process (mTLS): [certificates](deployment.md#certificates)",
    ),
    Meaning::of("MESH_TLS_KEY", "PEM file: its key"),
    Meaning::of("MESH_TLS_CA", "PEM file: the authority that vouches for the others"),
    Meaning::of("STREAM_REPLICAS", "copies of each stream, and of the gateway's buckets: 1, 3 or 5"),
    Meaning::of("REGISTRY_TTL", "after which a silent instance leaves the registry"),
    Meaning::of("SHUTDOWN_LIMIT", "that what is in flight may take after SIGTERM"),
    Meaning::of("ADVERTISE_ADDR", "where other processes reach it")
        .otherwise("where it listens; if that is everywhere, where it reaches the broker from"),
    Meaning::of("DATABASE_URL", "`sqlite://<file>?mode=rwc` or `postgres://…`"),
    Meaning::of(
        "DATABASE_MAX_CONNECTIONS",
        "size of the pool; a large one makes transactions longer, not the service faster",
    )
    .otherwise("2 × processors, at least 4"),
    Meaning::of(
        "DATABASE_MAX_WRITERS",
        "writing transactions at once on PostgreSQL: more only hold their locks for longer",
    )
    .otherwise("processors + 1"),
    Meaning::of(
        "MESH_VERIFYING_KEYS",
        "public keys (PEM) of the gateway; both, one after the other, while it changes",
    ),
    Meaning::of("STREAM_MAX_AGE", "that an event is kept"),
    Meaning::of("STREAM_MAX_BYTES", "bytes that a stream keeps; -1: no limit"),
    Meaning::of("CONSUMER_ACK_WAIT", "after which an unacknowledged event is delivered again"),
    Meaning::of("CONSUMER_MAX_DELIVERIES", "deliveries before an event becomes a dead letter"),
    Meaning::of(
        "CONSUMER_FIRST_PAUSE",
        "after the first failed delivery; each further pause is twice as long",
    ),
    Meaning::of("CONSUMER_LONGEST_PAUSE", "at most, between failed deliveries"),
    Meaning::of("RELAY_POLL_INTERVAL", "between looks for events that no commit told of"),
    Meaning::of("RELAY_LEASE", "that a part of the outbox stays with a replica that died"),
    Meaning::of(
        "RELAY_KEEP",
        "that published events and inbox entries stay in the database; keep it above `STREAM_MAX_AGE`",
    ),
    Meaning::of("IDEMPOTENCY_KEEP", "that an `Idempotency-Key` stands for its request"),
];
