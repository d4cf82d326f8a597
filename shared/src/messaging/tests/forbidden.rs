//! What the broker refuses to whom, asked in its own protocol.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::mesh::{GATEWAY, SERVICES};
use crate::messaging::permissions::{self, CONSOLE, OPERATOR, users};
use crate::messaging::{CONSUMERS, NatsSettings, STREAMS, TopologySettings, reconcile};
use crate::testkit::NatsServer;

/// A client that says exactly what it is told to
/// (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(settings: &NatsSettings) -> Self {
        let stream = TcpStream::connect(settings.url.trim_start_matches("nats://")).await.unwrap();
        let mut client = Self(BufReader::new(stream));
        let mut info = String::new();
        client.0.read_line(&mut info).await.unwrap();
        let (user, password) = settings.login.as_ref().unwrap();
        let login = json!({ "verbose": false, "user": user, "pass": password.expose() });
        assert_eq!(client.say(&format!("CONNECT {login}\r\n")).await, None);
        client
    }

    /// The error that the broker answers with, if it does.
    async fn say(&mut self, line: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{line}PING\r\n").as_bytes()).await.unwrap();
        let mut error = None;
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).await.unwrap(), 0, "the broker hung up");
            match line.trim_end() {
                "PONG" => return error,
                refused if refused.starts_with("-ERR") => error = Some(refused.to_owned()),
                _ => {}
            }
        }
    }

    async fn may_publish(&mut self, subject: &str) -> bool {
        let error = self.say(&format!("PUB {subject} 0\r\n\r\n")).await;
        let refused = error.is_some_and(|error| error.contains("Permissions Violation for Publish"));
        !refused
    }

    async fn may_subscribe(&mut self, subject: &str) -> bool {
        let error = self.say(&format!("SUB {subject} 1\r\n")).await;
        let refused = error.is_some_and(|error| error.contains("Permissions Violation for Subscription"));
        if !refused {
            self.say("UNSUB 1\r\n").await;
        }
        !refused
    }
}

/// Everything that some process may publish, and what none may.
fn subjects() -> BTreeSet<String> {
    let conf = permissions::users_conf();
    let quoted = conf.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix('"'));
    let mut subjects: BTreeSet<_> =
        quoted.map(|subject| subject.replace('>', "some.thing").replace('*', "some")).collect();
    for stream in STREAMS.iter().map(|stream| stream.name).chain(["KV_mesh", "KV_sign-ins"]) {
        for request in ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT"] {
            subjects.insert(format!("$JS.API.{request}.{stream}"));
        }
        subjects.insert(format!("$JS.API.CONSUMER.CREATE.{stream}.thief"));
        subjects.insert(format!("$JS.API.CONSUMER.CREATE.{stream}"));
    }
    for consumer in CONSUMERS {
        let of_consumer = format!("{}.{}", consumer.stream, consumer.name);
        for request in ["DELETE", "PAUSE", "RESET", "DURABLE.CREATE"] {
            subjects.insert(format!("$JS.API.CONSUMER.{request}.{of_consumer}"));
        }
        subjects.insert(format!("$JS.API.CONSUMER.CREATE.{of_consumer}.users.>").replace('>', "some"));
    }
    for user in users() {
        subjects.insert(format!("_INBOX.{user}.some"));
        subjects.insert(format!("$KV.mesh.{user}.some"));
    }
    subjects.extend(["$SYS.REQ.SERVER.PING", "$JS.API.STREAM.LIST", "anything"].map(str::to_owned));
    subjects
}

/// Whether a process is meant to publish there: said once more, in other words than the table's.
fn is_meant_to(user: &str, subject: &str) -> bool {
    let of_consumer = |stream: &str, name: &str| {
        CONSUMERS
            .iter()
            .any(|consumer| (consumer.stream, consumer.name, consumer.owner) == (stream, name, user))
    };
    let parts: Vec<_> = subject.split('.').collect();
    let gateway = user == GATEWAY;
    if user == CONSOLE {
        return console_is_meant_to(&parts);
    }
    match parts[..] {
        ["$JS", "API", "INFO"] => true,
        ["$KV", "mesh", whose, _] => whose == user,
        ["$KV", "sign-ins" | "revoked-sessions", ..] => gateway,
        ["$JS", "API", "STREAM", "CREATE" | "UPDATE" | "INFO", stream] => match stream {
            "KV_mesh" => true,
            "DLQ" | "OPERATIONS" => !gateway,
            "USERS" => user == "user-svc" || (gateway && parts[3] == "INFO"),
            "COUNSELS" => user == "counseling-svc" || (gateway && parts[3] == "INFO"),
            "PAYMENTS" => user == "payment-svc",
            "KV_sign-ins" | "KV_revoked-sessions" => gateway,
            _ => false,
        },
        ["$JS", "API", "STREAM", "MSG", "GET", stream] | ["$JS", "API", "DIRECT", "GET", stream, ..] => {
            gateway && stream.starts_with("KV_")
        }
        ["$JS", "API", "CONSUMER", "CREATE", "KV_mesh" | "KV_revoked-sessions", ..]
        | ["$JS", "API", "CONSUMER", "INFO" | "DELETE", "KV_mesh" | "KV_revoked-sessions", _]
        | ["$JS", "FC", "KV_mesh" | "KV_revoked-sessions", ..] => gateway,
        ["$JS", "API", "CONSUMER", "CREATE" | "INFO" | "DELETE", stream, name]
        | ["$JS", "API", "CONSUMER", "MSG", "NEXT", stream, name] => {
            let is_nobodys = CONSUMERS.iter().all(|consumer| consumer.name != name);
            (of_consumer(stream, name) && parts[3] != "DELETE")
                || (gateway && matches!(stream, "COUNSELS" | "USERS") && is_nobodys)
        }
        ["$JS", "ACK", stream, name, ..] => of_consumer(stream, name),
        ["dlq", name, ..] => CONSUMERS.iter().any(|consumer| (consumer.name, consumer.owner) == (name, user)),
        ["users", ..] => user == "user-svc",
        ["counsels", ..] => user == "counseling-svc",
        ["payments", ..] => user == "payment-svc",
        _ => false,
    }
}

/// Everything may be looked at, and only what is stuck may be touched.
fn console_is_meant_to(parts: &[&str]) -> bool {
    let is_nobodys = |name: &str| CONSUMERS.iter().all(|consumer| consumer.name != name);
    let is_stream = |stream: &str| STREAMS.iter().any(|spec| spec.name == stream);
    match *parts {
        ["$JS", "API", "INFO"] | ["$JS", "API", "STREAM", "LIST"] | ["$SRV", "STATS"] => true,
        ["$JS", "API", "STREAM", "INFO", stream] => is_stream(stream) || stream == "KV_mesh",
        ["$JS", "API", "STREAM", "MSG", "DELETE", stream] => stream == "DLQ",
        ["$JS", "API", "CONSUMER", "LIST", stream] | ["$JS", "API", "DIRECT", "GET", stream] => {
            is_stream(stream)
        }
        ["$JS", "API", "CONSUMER", "PAUSE" | "RESET", stream, name] => is_stream(stream) && !is_nobodys(name),
        ["$JS", "API", "CONSUMER", "CREATE" | "INFO" | "DELETE", stream, name]
        | ["$JS", "API", "CONSUMER", "MSG", "NEXT", stream, name] => {
            (is_stream(stream) || stream == "KV_mesh") && is_nobodys(name)
        }
        ["users" | "counsels" | "payments" | "operations", ..] | ["mesh", "drain", ..] => true,
        _ => false,
    }
}

#[tokio::test]
async fn nobody_publishes_where_others_do() {
    let server = NatsServer::start().await;
    let subjects = subjects();
    assert!(subjects.len() > 100, "{subjects:?}");
    for user in SERVICES.into_iter().chain([GATEWAY, CONSOLE]) {
        let mut client = Client::connect(&server.settings(user)).await;
        for subject in &subjects {
            assert_eq!(client.may_publish(subject).await, is_meant_to(user, subject), "{user}: {subject}");
        }
    }
    let mut operator = Client::connect(&server.settings(OPERATOR)).await;
    assert!(operator.may_publish("anything").await && operator.may_subscribe(">").await);
}

#[tokio::test]
async fn nobody_listens_to_others() {
    let server = NatsServer::start().await;
    let everywhere = [">", "*", "users.>", "counsels.>", "payments.>", "dlq.>", "$KV.>", "$KV.sign-ins.>"];
    let everywhere = everywhere.into_iter().chain(["$JS.>", "$JS.API.>", "$JS.ACK.>", "$SYS.>", "$SRV.>"]);
    let everywhere = everywhere.chain(["$SRV.*", "$SRV.PING.>", "_INBOX.>", "_INBOX.*", "_INBOX.*.>"]);
    let everywhere: Vec<_> = everywhere.map(str::to_owned).collect();
    for user in SERVICES.into_iter().chain([GATEWAY]) {
        let mut client = Client::connect(&server.settings(user)).await;
        let of_others = users().filter(|other| *other != user);
        let of_others =
            of_others.flat_map(|other| [format!("_INBOX.{other}.>"), format!("$SRV.PING.{other}")]);
        for subject in of_others.chain(everywhere.clone()) {
            assert!(!client.may_subscribe(&subject).await, "{user}: {subject}");
        }
        for subject in [format!("_INBOX.{user}.>"), "$SRV.PING".to_owned(), format!("$SRV.INFO.{user}")] {
            assert!(client.may_subscribe(&subject).await, "{user}: {subject}");
        }
    }
}

#[tokio::test]
async fn a_durable_consumer_is_not_taken_over_under_another_name() {
    let server = NatsServer::start().await;
    let (gateway, operator) = (server.connect_as(GATEWAY).await, server.connect().await);
    for (owner, stream, consumer) in
        [("counseling-svc", "COUNSELS", "user-svc-tracking"), ("user-svc", "USERS", "counseling-svc-erasure")]
    {
        let nats = server.connect_as(owner).await;
        reconcile(&nats, &TopologySettings::default(), owner).await.unwrap();
        for name in [json!({ "name": consumer }), json!({ "durable_name": consumer })] {
            let request = json!({ "stream_name": stream, "config": name });
            // The broker refuses, or goes by the name that it could judge.
            let subject = format!("CONSUMER.CREATE.{stream}.gateway-1");
            let _: Value = gateway.jetstream.request(subject, &request).await.unwrap();
        }
        let stream = operator.jetstream.get_stream(stream).await.unwrap();
        assert!(stream.consumer_info(consumer).await.is_err());
    }
}

#[tokio::test]
async fn strangers_are_not_let_in() {
    let server = NatsServer::start().await;
    let url = server.url();
    let wrong = server.settings("payment-svc").login.map(|(_, password)| ("user-svc".to_owned(), password));
    for login in [None, wrong] {
        let settings = NatsSettings { url: url.clone(), login, ca: None };
        assert!(crate::messaging::Nats::connect(&settings, "stranger").await.is_err());
    }
}
