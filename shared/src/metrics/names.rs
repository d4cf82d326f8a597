//! Every metric of the mesh: what it is called, what it counts, and by which labels.
//!
//! Nothing else is counted: dashboards and alerts are checked against this list, and so is what processes serve. Labels
//! take few values that are known beforehand, never ids, texts or addresses.

use metrics::Unit;

/// What a metric does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until its process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by their size.
    Histogram,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus knows it; of a histogram, without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// What its values are.
    pub unit: Unit,
    /// By what it is told apart, in the order of the alphabet.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

impl Metric {
    /// Tells the recorder of this process what it means.
    fn describe(&self) {
        let Self { name, unit, help, .. } = *self;
        match self.kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
}

/// Tells the recorder of this process what its metrics mean.
pub(super) fn describe() {
    METRICS.iter().for_each(Metric::describe);
}

macro_rules! list {
    ($($constant:ident = $name:literal, $kind:ident of $unit:ident by $labels:expr, $help:literal;)*) => {
        $(#[doc = concat!("`", $name, "`: ", $help, ".")] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &$labels,
            help: $help,
        }),*];
    };
}

list! {
    // The gateway's requests.
    HTTP_REQUESTS = "http_requests_total", Counter of Count by ["method", "route", "status"],
        "Requests that were answered, by the route as it is declared";
    HTTP_SECONDS = "http_request_duration_seconds", Histogram of Seconds by ["method", "route"],
        "How long requests took to the head of their answer";
    HTTP_IN_FLIGHT = "http_requests_in_flight", Gauge of Count by [],
        "Requests that have no head of an answer yet";
    HTTP_SHED = "http_requests_shed_total", Counter of Count by ["reason"],
        "Requests that were refused because there was too much to do, or too many feeds were open";
    HTTP_ADMITTED = "http_admitted_share", Gauge of Count by [],
        "How much of all requests is let through: less than 1 while there is too much to do";
    FEEDS_OPEN = "sse_feeds_open", Gauge of Count by [],
        "Devices that follow what happens to their users";
    RATE_REFUSALS = "rate_limit_refusals_total", Counter of Count by ["limit"],
        "Requests that were one too many: of an address, of a user, or for sign-in";
    SIGN_INS = "sign_ins_total", Counter of Count by ["outcome", "provider"],
        "Sign-ins of guests and with accounts, by how they ended";

    // The services' calls.
    GRPC_HANDLED = "grpc_server_handled_total", Counter of Count by ["grpc_code", "grpc_method", "grpc_service"],
        "Calls that ended at the server, by their code";
    GRPC_SECONDS = "grpc_server_handling_seconds", Histogram of Seconds by ["grpc_method", "grpc_service"],
        "How long calls took at the server, to the end of the answer";
    GRPC_IN_FLIGHT = "grpc_server_in_flight", Gauge of Count by [],
        "Calls that the server has not finished";

    // The gateway's calls to the services.
    UPSTREAM_CALLS = "upstream_calls_total", Counter of Count by ["code", "service"],
        "Calls to a service that ended, retries and all, by their code";
    UPSTREAM_SECONDS = "upstream_call_seconds", Histogram of Seconds by ["service"],
        "How long calls to a service took, retries and all";
    UPSTREAM_RETRIES = "upstream_retries_total", Counter of Count by ["service"],
        "Calls that were sent again";
    UPSTREAM_RETRIES_REFUSED = "upstream_retries_refused_total", Counter of Count by ["service"],
        "Calls that were not sent again because the budget was spent";
    UPSTREAM_SHED = "upstream_shed_total", Counter of Count by ["service"],
        "Calls that were refused because too many were in flight";
    UPSTREAM_ROOM = "upstream_concurrency_limit", Gauge of Count by ["service"],
        "Calls to a service that may be in flight at the moment";
    UPSTREAM_EJECTIONS = "upstream_ejections_total", Counter of Count by ["service"],
        "How often an instance was left out after failures in a row";
    UPSTREAM_INSTANCES = "upstream_instances", Gauge of Count by ["service"],
        "Instances of a service that are known";
    UPSTREAM_EJECTED = "upstream_instances_ejected", Gauge of Count by ["service"],
        "Instances of a service that are left out at the moment";

    // Events.
    OUTBOX_WAITING = "outbox_waiting", Gauge of Count by [],
        "Events that wait in the outbox; 10000 stands for that and more";
    OUTBOX_OLDEST = "outbox_oldest_seconds", Gauge of Seconds by [],
        "Since when the oldest event waits in the outbox; 0 when none does";
    OUTBOX_PUBLISHED = "outbox_published_total", Counter of Count by [],
        "Events that the broker took from the outbox";
    OUTBOX_FAILURES = "outbox_publish_failures_total", Counter of Count by [],
        "Attempts to publish an event that the broker did not acknowledge";
    CONSUMER_DELIVERIES = "consumer_deliveries_total", Counter of Count by ["consumer"],
        "Events that the broker delivered, again or for the first time";
    CONSUMER_REDELIVERIES = "consumer_redeliveries_total", Counter of Count by ["consumer"],
        "Events that the broker delivered again";
    CONSUMER_EVENTS = "consumer_events_total", Counter of Count by ["consumer", "result"],
        "Deliveries by what became of them: applied, known already, failed for now, or buried with the dead letters";
    CONSUMER_SECONDS = "consumer_handling_seconds", Histogram of Seconds by ["consumer"],
        "How long deliveries took to be settled";
    CONSUMER_PENDING = "consumer_pending", Gauge of Count by ["consumer"],
        "Events that the broker has not delivered yet";
    CONSUMER_ACK_PENDING = "consumer_ack_pending", Gauge of Count by ["consumer"],
        "Events that were delivered and are not acknowledged";
    CONSUMER_PAUSED = "consumer_paused", Gauge of Count by ["consumer"],
        "1 while an operator has paused the consumer, otherwise 0";
    DEAD_LETTERS = "dead_letters", Gauge of Count by [],
        "Events that a consumer gave up, in the stream DLQ";
    BROKER_CONNECTED = "broker_connected", Gauge of Count by [],
        "1 while there is a connection to the broker, otherwise 0";
    BROKER_CONNECTS = "broker_connects_total", Counter of Count by [],
        "Connections to the broker that were made";

    // The database.
    DATABASE_CONNECTIONS = "database_connections", Gauge of Count by ["pool"],
        "Connections of a pool that are open; reading and writing share one on PostgreSQL";
    DATABASE_IDLE = "database_connections_idle", Gauge of Count by ["pool"],
        "Connections of a pool that nobody uses";
    DATABASE_IN_USE = "database_connections_in_use", Gauge of Count by ["pool"],
        "Connections of a pool that somebody uses";
    DATABASE_MOST = "database_connections_max", Gauge of Count by ["pool"],
        "Connections that a pool may open";
    DATABASE_WAIT = "database_transaction_wait_seconds", Histogram of Seconds by [],
        "How long writing transactions waited until they had begun";

    // What the product does.
    MODEL_CALLS = "model_calls_total", Counter of Count by ["model", "outcome"],
        "Calls of a model, by how they ended";
    MODEL_TOKENS = "model_tokens_total", Counter of Count by ["direction", "model"],
        "Tokens that models read (input) and wrote (output)";
    MODEL_SECONDS = "model_call_seconds", Histogram of Seconds by ["model"],
        "How long calls of a model took, every attempt included";
    MODEL_CIRCUIT_OPEN = "model_circuit_open", Gauge of Count by [],
        "1 while models are left alone after failures, otherwise 0";
    RESERVATIONS = "message_token_reservations_total", Counter of Count by ["outcome"],
        "Requests to hold a message token for a message, by whether there was one";
    ORDERS = "payment_orders_total", Counter of Count by ["state"],
        "Orders that came to a state";
    MISMATCHES = "payment_mismatches_total", Counter of Count by [],
        "Orders that differ from their provider's record in a way that people must judge";
    SUBSCRIPTIONS = "payment_subscriptions_total", Counter of Count by ["outcome"],
        "Subscriptions that were renewed or lapsed";
    LEDGER_IMBALANCE = "ledger_imbalance", Gauge of Count by ["unit"],
        "Debits less credits of all accounts of a currency, or of tokens, in minor units: always 0";

    // The process.
    BUILD_INFO = "build_info", Gauge of Count by ["version"],
        "1, for the version that runs";
    // A gauge, for counters take whole numbers only.
    PROCESS_CPU = "process_cpu_seconds_total", Gauge of Seconds by [],
        "Processor time of the process";
    PROCESS_OPEN_FDS = "process_open_fds", Gauge of Count by [],
        "Files and sockets that the process has open";
    PROCESS_MAX_FDS = "process_max_fds", Gauge of Count by [],
        "Files and sockets that the process may have open";
    PROCESS_VIRTUAL_MEMORY = "process_virtual_memory_bytes", Gauge of Bytes by [],
        "Address space of the process";
    PROCESS_RESIDENT_MEMORY = "process_resident_memory_bytes", Gauge of Bytes by [],
        "Memory that the process occupies";
    PROCESS_START = "process_start_time_seconds", Gauge of Seconds by [],
        "When the process began, in seconds since 1970";
    PROCESS_THREADS = "process_threads", Gauge of Count by [],
        "Threads of the process";
}
