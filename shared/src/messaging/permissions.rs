//! Who may say what to the broker: one user a process, with what it needs and nothing else.
//!
//! From the tables of streams, consumers and buckets, [`users_conf`] makes the part of nats-server's configuration that
//! the broker is run with (<https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization>).
//! Passwords are not in it: the server takes them from its environment.

use std::fmt::Write;

use super::topology::{CONSUMERS, DEAD_LETTERS, STREAMS};
use crate::mesh::{GATEWAY, SERVICES};

/// May do everything: for people, and tools that look at everything.
pub const OPERATOR: &str = "operator";

/// Looks at everything and mends what is stuck, but declares and deletes nothing: the gateway's console for operators.
pub const CONSOLE: &str = "console";

/// Bucket of live instances: every process keeps a key there.
pub const INSTANCES: &str = "mesh";
/// Bucket of the gateways: sign-ins that came back.
pub const SIGN_INS: &str = "sign-ins";
/// Bucket of the gateways: sessions whose access tokens are good no longer.
pub const REVOKED_SESSIONS: &str = "revoked-sessions";
const GATEWAY_BUCKETS: [&str; 2] = [SIGN_INS, REVOKED_SESSIONS];
/// Those that a gateway watches.
const WATCHED: [&str; 2] = [INSTANCES, REVOKED_SESSIONS];
/// The streams that the gateway's feeds read.
pub const FEEDS: [&str; 2] = ["COUNSELS", "USERS"];

/// Every user of the broker.
pub fn users() -> impl Iterator<Item = &'static str> {
    SERVICES.into_iter().chain([GATEWAY, CONSOLE, OPERATOR])
}

/// The environment variable from which the broker takes a user's password. The value must begin with a letter: the
/// broker reads it as it reads its configuration, where a leading digit begins a number.
pub fn password_variable(user: &str) -> String {
    format!("NATS_{}_PASSWORD", user.replace('-', "_").to_uppercase())
}

/// The subjects under which a user gets answers, and nobody else does.
pub fn inbox(user: &str) -> String {
    format!("_INBOX.{user}")
}

/// What a user may do.
#[derive(Debug, Default)]
struct Permissions {
    publish: Vec<String>,
    /// Exceptions from `publish`.
    never: Vec<String>,
    subscribe: Vec<String>,
}

impl Permissions {
    /// Of a process: presence in the registry, and answers to questions.
    fn of_process(name: &str) -> Self {
        let mut permissions = Self::default();
        // The limits of the account, which the client asks for before it declares a bucket.
        permissions.publish.push("$JS.API.INFO".to_owned());
        permissions.declare(&bucket_stream(INSTANCES));
        permissions.publish.push(format!("$KV.{INSTANCES}.{name}.*"));
        permissions.subscribe.push(format!("{}.>", inbox(name)));
        permissions.subscribe.push(format!("mesh.drain.{name}.*"));
        // The verbs of the NATS service protocol, one by one: a wildcard for them would let in `$SRV.>` as well.
        for verb in ["PING", "INFO", "STATS"] {
            let of_all = format!("$SRV.{verb}");
            permissions.subscribe.extend([format!("{of_all}.{name}"), format!("{of_all}.{name}.*"), of_all]);
        }
        permissions
    }

    /// Events of its own, those of others, and dead letters.
    fn of_service(name: &str) -> Self {
        let mut permissions = Self::of_process(name);
        for stream in STREAMS.iter().filter(|stream| stream.owner == name) {
            permissions.publish.push(stream.subjects.to_owned());
            permissions.declare(stream.name);
        }
        for stream in STREAMS.iter().filter(|stream| stream.owner == OPERATOR) {
            permissions.declare(stream.name);
        }
        for consumer in CONSUMERS.iter().filter(|consumer| consumer.owner == name) {
            let of_consumer = format!("{}.{}", consumer.stream, consumer.name);
            permissions.publish.extend([
                format!("$JS.API.CONSUMER.CREATE.{of_consumer}"),
                format!("$JS.API.CONSUMER.INFO.{of_consumer}"),
                format!("$JS.API.CONSUMER.MSG.NEXT.{of_consumer}"),
                format!("$JS.ACK.{of_consumer}.>"),
                format!("dlq.{}.>", consumer.name),
            ]);
        }
        permissions
    }

    /// Its buckets, who is there, and what feeds tell of.
    fn of_gateway() -> Self {
        let mut permissions = Self::of_process(GATEWAY);
        for bucket in GATEWAY_BUCKETS {
            permissions.declare(&bucket_stream(bucket));
            permissions.publish.push(format!("$KV.{bucket}.>"));
        }
        for stream in GATEWAY_BUCKETS.into_iter().chain([INSTANCES]).map(bucket_stream) {
            permissions.publish.extend([
                format!("$JS.API.STREAM.MSG.GET.{stream}"),
                format!("$JS.API.DIRECT.GET.{stream}"),
                format!("$JS.API.DIRECT.GET.{stream}.>"),
            ]);
        }
        for stream in WATCHED.map(bucket_stream) {
            permissions.publish.extend([
                format!("$JS.API.CONSUMER.CREATE.{stream}"),
                format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
                format!("$JS.API.CONSUMER.INFO.{stream}.*"),
                format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
                format!("$JS.FC.{stream}.>"),
            ]);
        }
        for stream in FEEDS {
            permissions.read(stream);
        }
        permissions
    }

    /// Reads every stream, and does what operators ask for: replays, discards, pauses and drains. A replayed event goes
    /// back to where it was published.
    fn of_console() -> Self {
        let mut permissions = Self::default();
        let of_all = ["$JS.API.INFO", "$JS.API.STREAM.LIST", "$SRV.STATS", "mesh.drain.>"];
        permissions.publish.extend(of_all.map(str::to_owned));
        permissions.subscribe.push(format!("{}.>", inbox(CONSOLE)));
        for stream in STREAMS {
            permissions.read(stream.name);
            let name = stream.name;
            permissions
                .publish
                .extend(["CONSUMER.LIST", "DIRECT.GET"].map(|request| format!("$JS.API.{request}.{name}")));
            if name == DEAD_LETTERS {
                permissions.publish.push(format!("$JS.API.STREAM.MSG.DELETE.{name}"));
            } else {
                permissions.publish.push(stream.subjects.to_owned());
            }
        }
        permissions.read(&bucket_stream(INSTANCES));
        for consumer in CONSUMERS {
            let of_consumer =
                |request| format!("$JS.API.CONSUMER.{request}.{}.{}", consumer.stream, consumer.name);
            permissions.publish.extend(["PAUSE", "RESET"].map(of_consumer));
        }
        permissions
    }

    /// Reads a stream by readers of its own, which go by any name but those of the services' consumers.
    fn read(&mut self, stream: &str) {
        self.publish.push(format!("$JS.API.STREAM.INFO.{stream}"));
        for request in ["CREATE", "INFO", "MSG.NEXT", "DELETE"] {
            let request = format!("$JS.API.CONSUMER.{request}.{stream}");
            self.publish.push(format!("{request}.*"));
            let others = CONSUMERS.iter().filter(|consumer| consumer.stream == stream);
            self.never.extend(others.map(|consumer| format!("{request}.{}", consumer.name)));
        }
    }

    /// Creates, updates and looks at a stream; never deletes or purges it.
    fn declare(&mut self, stream: &str) {
        let request = |verb: &str| format!("$JS.API.STREAM.{verb}.{stream}");
        self.publish.extend(["CREATE", "UPDATE", "INFO"].map(request));
    }
}

fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// The users of the broker, in the language of its configuration.
pub fn users_conf() -> String {
    let mut conf = String::from(
        "# Who may say what to the broker. Made by `deploy/just nats-users` from shared/src/messaging/permissions.rs;\n\
         # a test compares the two. The passwords come from the environment of nats-server.\n\
         authorization {\n  users: [\n",
    );
    for user in users() {
        let permissions = match user {
            OPERATOR => None,
            GATEWAY => Some(Permissions::of_gateway()),
            CONSOLE => Some(Permissions::of_console()),
            service => Some(Permissions::of_service(service)),
        };
        // Writing to a String cannot fail.
        let _ = write!(conf, "    {{\n      user: {user:?}\n      password: ${}\n", password_variable(user));
        if let Some(Permissions { publish, never, subscribe }) = permissions {
            let _ = write!(
                conf,
                "      permissions: {{\n        publish: {{\n{}{}        }}\n        subscribe: {{\n{}        }}\n        \
                 # To whoever asked by the service protocol.\n        allow_responses: true\n      }}\n",
                list("allow", &publish),
                list("deny", &never),
                list("allow", &subscribe),
            );
        }
        conf.push_str("    }\n");
    }
    conf.push_str("  ]\n}\n");
    conf
}

fn list(name: &str, subjects: &[String]) -> String {
    if subjects.is_empty() {
        return String::new();
    }
    let lines: String = subjects.iter().map(|subject| format!("            {subject:?}\n")).collect();
    format!("          {name}: [\n{lines}          ]\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_the_one_that_is_made_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nats/users.conf");
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == users_conf(), "deploy/nats/users.conf is old: run `deploy/just nats-users`");
    }

    #[test]
    fn everything_has_an_owner() {
        for owner in STREAMS.iter().map(|stream| stream.owner).filter(|owner| *owner != OPERATOR) {
            assert!(SERVICES.contains(&owner), "{owner}");
        }
        for consumer in CONSUMERS {
            assert!(SERVICES.contains(&consumer.owner), "{}", consumer.name);
            assert!(consumer.name.starts_with(&format!("{}-", consumer.owner)), "{}", consumer.name);
        }
    }
}
