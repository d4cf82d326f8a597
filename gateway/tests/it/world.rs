//! A whole mesh for one test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use counseling_svc::assistant::Assistant;
use payment_svc::providers::HttpSettings;
use payment_svc::{PaymentConfig, StripeConfig, TossConfig};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use shared::auth::Caller;
use shared::config::Secret;
use shared::proto::v1::auth_user_service_client::AuthUserServiceClient;
use shared::proto::v1::message_token_service_client::MessageTokenServiceClient;
use shared::proto::v1::{Authority, GetMessageTokensRequest, MessageTokens, SetAuthorityRequest};
use shared::service::{Running, ServiceConfig};
use shared::testkit::{Engine, NatsServer, TestDatabase, caller, eventually, service_config};
use shared::time::Clock;
use tonic::transport::{Channel, Endpoint};

pub use crate::config::{SESSION_KEY, gateway_config};
use crate::logs;
use crate::openapi::Document;
use crate::sse::Events;

/// nats-server, the three services and the gateway.
pub struct World {
    pub clock: Clock,
    pub nats: NatsServer,
    pub user_svc: Running,
    pub counseling_svc: Running,
    base: String,
    client: Client,
    document: Document,
    // Kept for their Drop, after what uses them.
    _payment_svc: Running,
    gateway: gateway::Running,
    _databases: [TestDatabase; 3],
}

/// An answer, checked against the document.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The code of an error.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The details of an error.
    pub fn details(&self) -> Vec<&str> {
        self.body["details"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// A text in the data.
    pub fn text(&self, pointer: &str) -> String {
        let text = self.body.pointer(&format!("/data{pointer}")).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at {pointer} in {}", self.body)).to_owned()
    }

    /// A list in the data.
    pub fn list(&self, name: &str) -> &Vec<Value> {
        self.body["data"][name].as_array().unwrap_or_else(|| panic!("no list {name} in {}", self.body))
    }

    /// This answer, if it has this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// A request to be sent.
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
}

impl Call {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    pub fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::PUT, path).json(body)
    }

    pub fn json(self, body: &Value) -> Self {
        let mut call = self.header("content-type", "application/json");
        call.body = Some(serde_json::to_vec(body).unwrap());
        call
    }

    pub fn by(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }
}

impl World {
    /// With the offline counselor.
    pub async fn start(engine: Engine) -> Self {
        let assistant = counseling_svc::assistant::OfflineAssistant::new().unwrap();
        Box::pin(Self::start_with(engine, Arc::new(assistant))).await
    }

    /// With another mind behind the counselors.
    pub async fn start_with(engine: Engine, assistant: Arc<dyn Assistant>) -> Self {
        Box::pin(Self::start_as(engine, assistant, |_| {})).await
    }

    /// With a gateway that is configured otherwise.
    pub async fn start_as(
        engine: Engine,
        assistant: Arc<dyn Assistant>,
        configure: impl FnOnce(&mut gateway::Config),
    ) -> Self {
        Box::pin(Self::start_each_as(engine, assistant, |_, _| {}, configure)).await
    }

    /// With services, too, that are configured otherwise.
    pub async fn start_each_as(
        engine: Engine,
        assistant: Arc<dyn Assistant>,
        configure_service: impl Fn(&str, &mut ServiceConfig),
        configure: impl FnOnce(&mut gateway::Config),
    ) -> Self {
        logs::watch();
        let nats = NatsServer::start().await;
        let databases = [
            TestDatabase::new(engine).await,
            TestDatabase::new(engine).await,
            TestDatabase::new(engine).await,
        ];
        let clock = Clock::system();
        let config = |name, database| {
            let mut config = service_config(name, &nats, database);
            configure_service(name, &mut config);
            config
        };
        let user_svc = user_svc::start(config("user-svc", &databases[0]), clock.clone());
        let user_svc = Box::pin(user_svc).await.unwrap();
        let counseling_svc = config("counseling-svc", &databases[1]);
        let counseling_svc = counseling_svc::start_with(counseling_svc, clock.clone(), assistant);
        let counseling_svc = Box::pin(counseling_svc).await.unwrap();
        let mut payment_svc = PaymentConfig::from(config("payment-svc", &databases[2]));
        // Set up, though nobody answers: notices are passed on to them all the same.
        let http = || HttpSettings { url: "http://127.0.0.1:9".to_owned(), limit: Duration::from_secs(1) };
        payment_svc.toss = Some(TossConfig {
            http: http(),
            secret_key: Secret::new("test_sk"),
            client_key: "test_ck".to_owned(),
        });
        payment_svc.stripe = Some(StripeConfig {
            http: http(),
            secret_key: Secret::new("sk_test"),
            publishable_key: "pk_test".to_owned(),
            webhook_secret: Secret::new("whsec"),
        });
        let payment_svc = payment_svc::start(payment_svc, clock.clone());
        let payment_svc = Box::pin(payment_svc).await.unwrap();
        let mut config = gateway_config(&nats);
        configure(&mut config);
        let gateway = gateway::start(config).await.unwrap();
        let base = format!("http://{}", gateway.address);
        // What a redirect says is the test's to follow.
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        wait_until_ready(&client, &base).await;
        let document = Document::fetch(&client, &base).await;
        Self {
            clock,
            nats,
            user_svc,
            counseling_svc,
            base,
            client,
            document,
            _payment_svc: payment_svc,
            gateway,
            _databases: databases,
        }
    }

    /// Another gateway in front of the same services, though it may not be ready yet.
    pub async fn gateway_as(&self, configure: impl FnOnce(&mut gateway::Config)) -> gateway::Running {
        let mut config = gateway_config(&self.nats);
        configure(&mut config);
        Box::pin(gateway::start(config)).await.unwrap()
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// Another gateway in front of the same services.
    pub async fn another_gateway(&self, configure: impl FnOnce(&mut gateway::Config)) -> gateway::Running {
        let gateway = self.gateway_as(configure).await;
        wait_until_ready(&self.client, &format!("http://{}", gateway.address)).await;
        gateway
    }

    async fn request(&self, base: &str, call: &Call) -> Response {
        let mut request = self.client.request(call.method.clone(), format!("{base}{}", call.path));
        request = request.headers(call.headers.clone());
        if let Some(body) = &call.body {
            logs::note(body);
            request = request.body(body.clone());
        }
        request.send().await.unwrap()
    }

    /// The status of an answer whose body is not waited for.
    pub async fn status(&self, call: Call) -> u16 {
        self.request(&self.base, &call).await.status().as_u16()
    }

    /// Asks for events.
    pub async fn open(&self, call: Call) -> Events {
        self.open_at(&self.base, call).await
    }

    /// Asks the gateway at `base` for events.
    pub async fn open_at(&self, base: &str, call: Call) -> Events {
        let call = call.header("accept", "text/event-stream");
        let response = self.request(base, &call).await;
        let path = call.path.split('?').next().unwrap_or_default();
        Events::of(response, &self.document, call.method.as_str(), path)
    }

    /// Sends a request, and checks the answer against the document.
    pub async fn send(&self, call: Call) -> Reply {
        self.send_to(&self.base, call).await
    }

    /// Sends a request to the gateway at `base`, and checks the answer against the document.
    pub async fn send_to(&self, base: &str, call: Call) -> Reply {
        let response = self.request(base, &call).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let path = call.path.split('?').next().unwrap_or_default();
        if (300..400).contains(&status) {
            assert!(bytes.is_empty(), "{bytes:?}");
            self.document.check_bodiless(call.method.as_str(), path, status);
            return Reply { status, headers, body: Value::Null };
        }
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{} {}: {error}: {bytes:?}", call.method, call.path));
        self.document.check(call.method.as_str(), path, status, &body);
        Reply { status, headers, body }
    }

    /// Signs a new guest in: the access token.
    pub async fn guest(&self) -> String {
        let reply = self.send(Call::new(Method::POST, "/v1/auth/initiate")).await.expect(200);
        reply.text("/accessToken")
    }

    /// The id of the user with this token.
    pub async fn id_of(&self, token: &str) -> String {
        self.send(Call::get("/v1/users/me").by(token)).await.expect(200).text("/user/id")
    }

    /// A counselor's id, and the path of its counsels.
    pub async fn counselor(&self, token: &str) -> String {
        let reply = self.send(Call::get("/v1/counselors").by(token)).await.expect(200);
        reply.list("counselors")[0]["id"].as_str().unwrap().to_owned()
    }

    /// Opens a counsel: the path of its messages.
    pub async fn counsel(&self, token: &str) -> String {
        let counsels = format!("/v1/counselors/{}/counsels", self.counselor(token).await);
        let reply = self.send(Call::post(&counsels, &json!({})).by(token)).await.expect(201);
        format!("{counsels}/{}/messages", reply.text("/counsel/id"))
    }

    /// Says something.
    pub async fn say(&self, token: &str, messages: &str, text: &str) -> Reply {
        self.send(Call::post(messages, &json!({ "message": text })).by(token)).await
    }

    /// A user's message tokens, as user-svc knows them.
    pub async fn tokens(&self, user_id: &str) -> MessageTokens {
        let request = GetMessageTokensRequest { user_id: user_id.to_owned() };
        let mut client = MessageTokenServiceClient::new(self.user_svc_channel().await);
        let answer = client.get_message_tokens(caller(Caller::Gateway, request)).await.unwrap();
        answer.into_inner().message_tokens.unwrap()
    }

    /// Makes a user an admin; the token is a new one, for old tokens keep their authority.
    pub async fn admin(&self) -> String {
        let user_id = self.id_of(&self.guest().await).await;
        let request = SetAuthorityRequest { user_id, authority: Authority::Admin.into() };
        let mut client = AuthUserServiceClient::new(self.user_svc_channel().await);
        let request = caller(Caller::Admin("test".to_owned()), request);
        let user = client.set_authority(request).await.unwrap().into_inner().auth_user.unwrap();
        crate::auth::access_token(&user.user_id, "AUTHORITY_ADMIN", 3600)
    }

    /// The served document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// A page as text.
    pub async fn text(&self, path: &str) -> String {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        response.error_for_status().unwrap().text().await.unwrap()
    }

    /// Makes every replaced refresh token one that was replaced some time ago.
    pub async fn rewind_rotation(&self) {
        let sql = "UPDATE refresh_tokens SET rotated_at = rotated_at - 41000000 WHERE rotated_at IS NOT NULL";
        self.user_svc.database().write().execute_unprepared(sql).await.unwrap();
    }

    /// Sends a form, as a page does.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
    }

    pub async fn user_svc_channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.user_svc.address)).unwrap().connect().await.unwrap()
    }
}

pub async fn wait_until_ready(client: &Client, base: &str) {
    let url = format!("{base}/readyz");
    eventually("the mesh is ready", async || {
        let Ok(response) = client.get(&url).send().await else { return false };
        response.json::<Value>().await.is_ok_and(|body| body["status"] == "ready")
    })
    .await;
}
