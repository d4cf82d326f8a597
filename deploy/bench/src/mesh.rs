//! What is measured: nats-server, user-svc and the gateway as real processes of the release build.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use shared::auth::{Caller, MESH_TOKEN, MeshTokens};
use shared::config::Secret;
use shared::proto::v1::GetUserRequest;
use shared::proto::v1::user_service_client::UserServiceClient;
use shared::testkit::{MESH_TOKEN_KEY, NatsServer, Process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use crate::BoxError;
use crate::load::Connection;

const SESSION_KEY: &str = "a key that only the benchmark of the mesh uses";

/// A running mesh and a guest who has signed in.
pub(crate) struct Mesh {
    user_svc: String,
    gateway: String,
    user_id: String,
    access_token: String,
    // In the order in which they end.
    _gateway: Process,
    _user_svc: Process,
    _nats: NatsServer,
    _folder: TempDir,
}

impl Mesh {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let nats = NatsServer::start().await;
        let folder = tempfile::tempdir()?;
        let (user_svc, gateway) = (free_address()?, free_address()?);

        let mut command = Command::new(beside_this("user-svc")?);
        let file = folder.path().join("user-svc.db");
        command
            .env("LISTEN_ADDR", &user_svc)
            .env("NATS_URL", nats.url())
            .env("DATABASE_URL", format!("sqlite://{}?mode=rwc", file.display()))
            .env("MESH_TOKEN_KEY", MESH_TOKEN_KEY);
        let user_svc_process = Process::start(&command, None, "TERM", None);

        let mut command = Command::new(beside_this("gateway")?);
        command
            .env("LISTEN_ADDR", &gateway)
            .env("NATS_URL", nats.url())
            .env("MESH_TOKEN_KEY", MESH_TOKEN_KEY)
            .env("SESSION_KEY", SESSION_KEY);
        let gateway_process = Process::start(&command, None, "TERM", None);

        let access_token = sign_in(&gateway).await?;
        let user_id = user_id(&gateway, &access_token).await?;
        Ok(Self {
            user_svc,
            gateway,
            user_id,
            access_token,
            _gateway: gateway_process,
            _user_svc: user_svc_process,
            _nats: nats,
            _folder: folder,
        })
    }

    /// A connection to user-svc of its own.
    pub(crate) async fn rpc(&self) -> Result<Rpc, BoxError> {
        let channel =
            Endpoint::from_shared(format!("http://{}", self.user_svc))?.tcp_nodelay(true).connect().await?;
        let tokens = MeshTokens::new(&Secret::new(MESH_TOKEN_KEY));
        Ok(Rpc {
            client: UserServiceClient::new(channel),
            token: tokens.sign(Caller::User(self.user_id.clone()))?,
            user_id: self.user_id.clone(),
        })
    }

    /// A connection to the gateway of its own.
    pub(crate) async fn rest(&self) -> Result<Rest, BoxError> {
        Rest::connect(&self.gateway, "GET", "/v1/users/me", Some(&self.access_token)).await
    }
}

/// `GetUser` called directly.
pub(crate) struct Rpc {
    client: UserServiceClient<Channel>,
    token: String,
    user_id: String,
}

impl Connection for Rpc {
    async fn call(&mut self) -> Result<(), BoxError> {
        let mut request = tonic::Request::new(GetUserRequest { user_id: self.user_id.clone() });
        request.metadata_mut().insert(MESH_TOKEN, self.token.parse()?);
        self.client.get_user(request).await?.into_inner().user.ok_or("no user in the answer")?;
        Ok(())
    }
}

/// One request sent over and over on one HTTP/1.1 connection.
pub(crate) struct Rest {
    sender: SendRequest<Empty<Bytes>>,
    request: http::Request<()>,
}

impl Rest {
    async fn connect(address: &str, method: &str, path: &str, token: Option<&str>) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = http::Request::builder().method(method).uri(path).header("host", address);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Ok(Self { sender, request: request.body(())? })
    }

    async fn send(&mut self) -> Result<Bytes, BoxError> {
        self.sender.ready().await?;
        let response = self.sender.send_request(self.request.clone().map(|()| Empty::new())).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(format!("{status}: {body:?}").into()) }
    }
}

impl Connection for Rest {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.send().await.map(drop)
    }
}

/// Tries until the gateway has found user-svc.
async fn sign_in(gateway: &str) -> Result<String, BoxError> {
    let mut last: BoxError = "not tried".into();
    for _ in 0..300 {
        let initiated = async {
            let mut rest = Rest::connect(gateway, "POST", "/v1/auth/initiate", None).await?;
            text(&rest.send().await?, "/data/accessToken")
        };
        match initiated.await {
            Ok(token) => return Ok(token),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("the mesh did not get ready: {last}").into())
}

async fn user_id(gateway: &str, token: &str) -> Result<String, BoxError> {
    let mut rest = Rest::connect(gateway, "GET", "/v1/users/me", Some(token)).await?;
    text(&rest.send().await?, "/data/user/id")
}

fn text(body: &[u8], pointer: &str) -> Result<String, BoxError> {
    let body: serde_json::Value = serde_json::from_slice(body)?;
    let text =
        body.pointer(pointer).and_then(|value| value.as_str()).ok_or_else(|| format!("no {pointer}"))?;
    Ok(text.to_owned())
}

/// A binary of the same build: what is measured is as optimised as what measures.
fn beside_this(name: &str) -> Result<PathBuf, BoxError> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is not built", path.display()).into()) }
}

fn free_address() -> Result<String, BoxError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
