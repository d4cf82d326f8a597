//! The mesh can be operated with the `nats` tool too: each command that docs/operations.md shows, by the calls that it makes.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{ConnectOptions, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use shared::id::new_id;
use shared::testkit::LIMIT;
use tokio::time::timeout;

use crate::world::World;

/// What the tool shows of events, and what its names are here.
const DOCUMENT: &str = include_str!("../../../../docs/operations.md");

/// A client as the tool is one: as the user `operator`, with answers to `_INBOX`.
struct Tool {
    client: async_nats::Client,
    world: World,
}

impl Tool {
    async fn new() -> Self {
        let world = World::start().await;
        let [(_, url), (_, user), (_, password)] = world.nats.environment("operator");
        let client = ConnectOptions::with_user_and_password(user, password).connect(url).await.unwrap();
        Self { client, world }
    }

    async fn request(&self, subject: &str, body: Value) -> Message {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        timeout(LIMIT, self.client.request(subject.to_owned(), body)).await.unwrap().unwrap()
    }

    /// A call of the API of JetStream.
    async fn api(&self, call: &str, body: Value) -> Value {
        let answer = self.request(&format!("$JS.API.{call}"), body).await;
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer.get("error").is_none(), "{call}: {answer}");
        answer
    }

    /// Answers to a question that many may answer.
    async fn ask(&self, subject: &str, answers: usize) -> Vec<Value> {
        let inbox = self.client.new_inbox();
        let subscriber = self.client.subscribe(inbox.clone()).await.unwrap();
        self.client.publish_with_reply(subject.to_owned(), inbox, Bytes::new()).await.unwrap();
        let answers = take(subscriber, answers).await;
        answers.iter().map(|answer| serde_json::from_slice(&answer.payload).unwrap()).collect()
    }
}

async fn take(subscriber: Subscriber, count: usize) -> Vec<Message> {
    timeout(LIMIT, subscriber.take(count).collect()).await.unwrap()
}

/// An event as any tool sees it: JSON, with the attributes of CloudEvents as headers.
fn check_event(headers: &HeaderMap, payload: &[u8], user: &str) {
    let header = |name: &str| headers.get(name).map(|value| value.as_str()).unwrap_or_default();
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-type"), "hearlers.users.user.created.v1");
    assert_eq!((header("ce-source"), header("ce-subject")), ("/user-svc", user));
    assert_eq!(header("content-type"), "application/json");
    assert!(!header("ce-id").is_empty() && !header("ce-time").is_empty());
    let data: Value = serde_json::from_slice(payload).unwrap();
    assert_eq!(data["userId"], user);
}

/// The headers of a message that the API answers with, as Base64.
fn headers_of(message: &Value) -> HeaderMap {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.decode(message["hdrs"].as_str().unwrap()).unwrap();
    let mut headers = HeaderMap::new();
    for line in String::from_utf8(text).unwrap().lines().skip(1) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name, value);
        }
    }
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_document_finds_what_it_asks_for() {
    let tool = Box::pin(Tool::new()).await;
    // nats sub "users.>": before anything happens.
    let subscriber = tool.client.subscribe("users.>").await.unwrap();
    tool.client.flush().await.unwrap();
    let user = new_id();
    tool.world.user(&user).await;
    tool.world.holds("USERS", 1).await;
    let mut tested = BTreeSet::from(["sub"]);
    let heard = take(subscriber, 1).await.remove(0);
    assert_eq!(heard.subject.as_str(), format!("users.user.created.{user}"));
    check_event(heard.headers.as_ref().unwrap(), &heard.payload, &user);

    tested.extend(streams(&tool, &user).await);
    tested.extend(consumers(&tool).await);
    tested.extend(registry(&tool).await);
    tested.extend(services(&tool).await);
    tested.extend(backups(&tool, &user).await);

    let documented: BTreeSet<_> = documented().collect();
    assert_eq!(documented, tested, "docs/operations.md shows what is tested here, and nothing else");
}

/// The commands of the document, without what they are asked about.
fn documented() -> impl Iterator<Item = &'static str> {
    let commands = DOCUMENT.lines().filter_map(|line| line.strip_prefix("nats "));
    let commands = commands.filter(|command| !command.starts_with("context "));
    commands.map(|command| {
        let words: Vec<_> = command.splitn(3, ' ').collect();
        match words[0] {
            "sub" => "sub",
            group => command[..group.len() + 1 + words[1].len()].trim(),
        }
    })
}

async fn streams(tool: &Tool, user: &str) -> [&'static str; 4] {
    let listed = tool.api("STREAM.LIST", json!({ "offset": 0 })).await;
    let names: BTreeSet<_> = listed["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| stream["config"]["name"].as_str().unwrap())
        .collect();
    assert!(
        ["USERS", "PAYMENTS", "DLQ", "OPERATIONS", "KV_mesh"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );

    let info = tool.api("STREAM.INFO.USERS", Value::Null).await;
    assert_eq!((&info["config"]["subjects"], &info["state"]["messages"]), (&json!(["users.>"]), &json!(1)));

    // view: a consumer for a moment, a page of messages, which are acknowledged.
    let name = "jsm_stream_pager_test";
    let config = json!({
        "durable_name": name, "name": name, "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant",
    });
    let create = json!({ "stream_name": "USERS", "config": config });
    let created = tool.api(&format!("CONSUMER.CREATE.USERS.{name}"), create).await;
    assert_eq!(created["num_pending"], 1);
    let inbox = tool.client.new_inbox();
    let page = tool.client.subscribe(inbox.clone()).await.unwrap();
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.USERS.{name}");
    tool.client.publish_with_reply(next, inbox, "25".into()).await.unwrap();
    let seen = take(page, 1).await.remove(0);
    check_event(seen.headers.as_ref().unwrap(), &seen.payload, user);
    tool.client.publish(seen.reply.unwrap(), "+ACK".into()).await.unwrap();
    assert_eq!(tool.api(&format!("CONSUMER.DELETE.USERS.{name}"), Value::Null).await["success"], true);

    check_stored(tool, user).await;
    ["stream ls", "stream info", "stream view", "stream get"]
}

/// The first event of USERS, as the leader of the stream has it.
async fn check_stored(tool: &Tool, user: &str) {
    use base64::Engine;
    let got = tool.api("STREAM.MSG.GET.USERS", json!({ "seq": 1 })).await;
    let message = &got["message"];
    let data = base64::engine::general_purpose::STANDARD.decode(message["data"].as_str().unwrap()).unwrap();
    assert_eq!(message["subject"], format!("users.user.created.{user}"));
    check_event(&headers_of(message), &data, user);
}

/// A stream goes into a backup chunk by chunk, and comes back from it when it is gone.
async fn backups(tool: &Tool, user: &str) -> [&'static str; 2] {
    let inbox = tool.client.new_inbox();
    let mut incoming = tool.client.subscribe(inbox.clone()).await.unwrap();
    let question = json!({ "deliver_subject": inbox, "chunk_size": 128 * 1024 });
    let told = tool.api("STREAM.SNAPSHOT.USERS", question).await;
    let mut chunks = Vec::new();
    loop {
        let chunk = timeout(LIMIT, incoming.next()).await.unwrap().unwrap();
        // An empty one is the last.
        if chunk.payload.is_empty() {
            break;
        }
        if let Some(reply) = chunk.reply {
            tool.client.publish(reply, Bytes::new()).await.unwrap();
        }
        chunks.push(chunk.payload);
    }
    assert_eq!(told["state"]["messages"], 1);

    assert_eq!(tool.api("STREAM.DELETE.USERS", Value::Null).await["success"], true);
    let what = json!({ "config": told["config"], "state": told["state"] });
    let begun = tool.api("STREAM.RESTORE.USERS", what).await;
    let to = begun["deliver_subject"].as_str().unwrap();
    for chunk in chunks.into_iter().chain([Bytes::new()]) {
        let taken = timeout(LIMIT, tool.client.request(to.to_owned(), chunk)).await.unwrap().unwrap();
        let refused = serde_json::from_slice::<Value>(&taken.payload).unwrap_or_default()["error"].take();
        assert!(refused.is_null(), "{refused}");
    }
    check_stored(tool, user).await;
    ["account backup", "account restore"]
}

async fn consumers(tool: &Tool) -> [&'static str; 2] {
    tool.world.at_rest().await;
    let names = tool.api("CONSUMER.NAMES.PAYMENTS", json!({ "offset": 0 })).await;
    assert_eq!(names["consumers"], json!(["user-svc-credits", "user-svc-passes"]));
    let listed = tool.api("CONSUMER.LIST.PAYMENTS", json!({ "offset": 0 })).await;
    assert_eq!(listed["consumers"].as_array().unwrap().len(), 2);
    let info = tool.api("CONSUMER.INFO.PAYMENTS.user-svc-credits", Value::Null).await;
    assert_eq!((&info["num_pending"], &info["config"]["ack_policy"]), (&json!(0), &json!("explicit")));
    ["consumer ls", "consumer info"]
}

async fn registry(tool: &Tool) -> [&'static str; 2] {
    // ls: the last of each key, by a consumer that pushes.
    tool.api("STREAM.INFO.KV_mesh", Value::Null).await;
    let (inbox, name) = (tool.client.new_inbox(), "kv_ls_test");
    let keys = tool.client.subscribe(inbox.clone()).await.unwrap();
    let config = json!({
        "name": name, "deliver_subject": inbox, "deliver_policy": "last_per_subject", "ack_policy": "none",
        "headers_only": true, "filter_subject": "$KV.mesh.>", "max_deliver": 1, "mem_storage": true, "num_replicas": 1,
        "flow_control": true, "idle_heartbeat": Duration::from_secs(5).as_nanos() as u64,
        "inactive_threshold": Duration::from_secs(300).as_nanos() as u64,
    });
    let create = json!({ "stream_name": "KV_mesh", "config": config });
    let created = tool.api(&format!("CONSUMER.CREATE.KV_mesh.{name}.$KV.mesh.>"), create).await;
    assert_eq!(created["config"]["deliver_policy"], "last_per_subject");
    let keys = take(keys, 2).await;
    let keys: BTreeSet<_> =
        keys.iter().map(|entry| entry.subject.as_str().strip_prefix("$KV.mesh.").unwrap()).collect();
    let services: Vec<_> = keys.iter().map(|key| key.split('.').next().unwrap()).collect();
    assert_eq!(services, ["payment-svc", "user-svc"]);
    tool.api(&format!("CONSUMER.DELETE.KV_mesh.{name}"), Value::Null).await;

    let key = keys.first().unwrap();
    let entry = tool.request(&format!("$JS.API.DIRECT.GET.KV_mesh.$KV.mesh.{key}"), Value::Null).await;
    let instance: Value = serde_json::from_slice(&entry.payload).unwrap();
    assert_eq!((&instance["service"], &instance["address"].is_string()), (&json!("payment-svc"), &true));
    ["kv ls", "kv get"]
}

async fn services(tool: &Tool) -> [&'static str; 4] {
    let names = |answers: &[Value]| -> BTreeSet<String> {
        answers.iter().map(|answer| answer["name"].as_str().unwrap().to_owned()).collect()
    };
    let both = BTreeSet::from(["payment-svc".to_owned(), "user-svc".to_owned()]);
    let pinged = tool.ask("$SRV.PING", 2).await;
    assert_eq!(names(&pinged), both);
    assert!(pinged.iter().all(|answer| answer["type"] == "io.nats.micro.v1.ping_response"));
    // ls asks all of them for what info asks one.
    assert_eq!(names(&tool.ask("$SRV.INFO", 2).await), both);
    let info = tool.ask("$SRV.INFO.user-svc", 1).await.remove(0);
    assert_eq!(info["type"], "io.nats.micro.v1.info_response");
    assert!(info["metadata"]["address"].is_string(), "{info}");
    let id = info["id"].as_str().unwrap();
    for subject in [format!("$SRV.STATS.user-svc.{id}"), "$SRV.STATS.user-svc".to_owned()] {
        let stats = tool.ask(&subject, 1).await.remove(0);
        assert_eq!(stats["type"], "io.nats.micro.v1.stats_response");
        let data = &stats["endpoints"][0]["data"];
        assert_eq!(data["instance"], info["metadata"]["instance"]);
        assert!(data["report"]["status"].is_string(), "{stats}");
    }
    ["micro ls", "micro info", "micro stats", "micro ping"]
}
