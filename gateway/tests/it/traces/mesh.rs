//! A mesh of processes, each of which exports by itself.

use std::path::{Path, PathBuf};

use async_nats::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use shared::testkit::{Engine, Killable, NatsServer, TestDatabase, eventually, mesh_signing_key};

use super::CREATED;
use crate::world::SESSION_KEY;

/// nats-server, user-svc, counseling-svc and the gateway.
pub struct Mesh {
    client: Client,
    gateway: Killable,
    user_svc: Killable,
    counseling_svc: Killable,
    // Kept for their Drop, after what uses them.
    _databases: [TestDatabase; 2],
    nats: NatsServer,
}

/// A guest with an open counsel.
pub struct Guest {
    pub token: String,
    pub id: String,
    /// The path of the counsel's messages.
    pub messages: String,
}

impl Mesh {
    /// With this in every process's environment, as soon as it answers.
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        let nats = NatsServer::start().await;
        let databases = [TestDatabase::new(Engine::Sqlite).await, TestDatabase::new(Engine::Sqlite).await];
        let process = |name: &str, database: &TestDatabase| {
            Killable::new(name, &nats, database.url())
                .with(&[("LOG_FORMAT", "json"), ("OTEL_BSP_SCHEDULE_DELAY", "100")])
                .with(environment)
                .asked_to_end()
                .logging_to(&log_of(nats.folder(), name))
        };
        let (user_svc, counseling_svc) =
            (process("user-svc", &databases[0]), process("counseling-svc", &databases[1]));
        let gateway = process("gateway", &databases[0]).with(&[
            ("MESH_SIGNING_KEY", mesh_signing_key().to_pem().unwrap().expose()),
            ("SESSION_KEY", SESSION_KEY),
            // Other tests keep the processors busy.
            ("QUEUE_LIMIT", "0"),
            // All guests come from one address.
            ("RATE_ADDRESS", "0"),
            ("RATE_AUTH", "0"),
            ("IMAGE_FOLDER", nats.folder().join("images").to_str().unwrap()),
        ]);
        for process in [&user_svc, &counseling_svc, &gateway] {
            process.start();
        }
        let client = Client::new();
        let mesh = Self { client, gateway, user_svc, counseling_svc, _databases: databases, nats };
        eventually("guests can open counsels", async || mesh.try_guest().await.is_ok()).await;
        mesh
    }

    /// A request to the gateway.
    pub fn post(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        let url = format!("http://{}{path}", self.gateway.address());
        self.client.post(url).bearer_auth(token).json(body)
    }

    pub async fn guest(&self) -> Guest {
        self.try_guest().await.unwrap()
    }

    async fn try_guest(&self) -> Result<Guest, reqwest::Error> {
        let base = format!("http://{}", self.gateway.address());
        let answer =
            async |request: RequestBuilder| request.send().await?.error_for_status()?.json::<Value>().await;
        let signed_in = answer(self.client.post(format!("{base}/v1/auth/initiate"))).await?;
        let token = text(&signed_in, "/data/accessToken");
        let get = |path: &str| self.client.get(format!("{base}{path}")).bearer_auth(&token);
        let me = answer(get("/v1/users/me")).await?;
        let counselors = answer(get("/v1/counselors")).await?;
        let counsels = format!("/v1/counselors/{}/counsels", text(&counselors, "/data/counselors/0/id"));
        let counsel = answer(self.post(&counsels, &token, &json!({}))).await?;
        let messages = format!("{counsels}/{}/messages", text(&counsel, "/data/counsel/id"));
        Ok(Guest { token, id: text(&me, "/data/user/id"), messages })
    }

    /// The lines that a process has logged.
    pub fn lines(&self, process: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(log_of(self.nats.folder(), process)).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Publishes an event whose data nobody can read.
    pub async fn publish(&self, subject: &str, traceparent: &str) {
        let mut headers = HeaderMap::new();
        let event_type = format!("hearlers.{CREATED}.v1");
        for (name, value) in [
            ("ce-id", "an event of somebody else's"),
            ("ce-type", event_type.as_str()),
            ("ce-source", "/somebody"),
            ("traceparent", traceparent),
        ] {
            headers.insert(name, value);
        }
        let nats = self.nats.connect().await;
        let sent = nats.jetstream.publish_with_headers(subject.to_owned(), headers, "[]".into());
        sent.await.unwrap().await.unwrap();
    }

    /// From now on counseling-svc takes calls and answers none.
    pub fn freeze_counseling_svc(&self) {
        self.counseling_svc.freeze();
    }

    /// Asks every process to end, and returns when all are gone.
    pub fn end(&self) {
        for process in [&self.gateway, &self.counseling_svc, &self.user_svc] {
            process.kill();
        }
    }
}

fn log_of(folder: &Path, process: &str) -> PathBuf {
    folder.join(process).with_extension("log")
}

fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {body}"))
        .to_owned()
}
