//! What else can stand in front of user-svc: what is in `deploy/bench/peers`, and a bare route. Each is checked before it
//! is measured: an answer has to be about the caller, and a token that nobody signed has to be refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use shared::testkit::{Process, mesh_signing_key};
use shared::time::Clock;

use crate::BoxError;
use crate::bytes;
use crate::http::{Rest, text};
use crate::mesh::{Mesh, SESSION_KEY, User, free_address, patiently};

/// How many processes or threads each peer has: as many as the machine has processors, as the gateway.
fn workers() -> Result<usize, BoxError> {
    Ok(std::thread::available_parallelism()?.get())
}

/// A process that answers `GET /v1/users/me`.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    process: Process,
}

impl Peer {
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.process.ids()
    }

    /// Answers the same bytes to everybody: those of the gateway.
    pub(crate) async fn bytes(mesh: &Mesh, user: &User) -> Result<Self, BoxError> {
        let address = free_address();
        let body = mesh.rest(user).await?.get("/v1/users/me").await?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([bytes::COMMAND, &address, std::str::from_utf8(&body)?]);
        let peer = Self::start("bare axum", address, &command, mesh.folder());
        peer.answers(user, "/data/user/id").await?;
        Ok(peer)
    }

    /// `peers/fastify`.
    pub(crate) async fn fastify(mesh: &Mesh, user: &User, programs: &Programs) -> Result<Self, BoxError> {
        let address = free_address();
        let (host, port) = split(&address)?;
        let mut command = Command::new(&programs.node);
        command
            .arg(folder().join("fastify/server.js"))
            .env("NODE_ENV", "production")
            .env("LISTEN_HOST", host)
            .env("LISTEN_PORT", port)
            .env("WORKERS", workers()?.to_string())
            .env("USER_SVC", mesh.address("user-svc")?)
            .env("PROTO", protos())
            .env("SESSION_KEY", SESSION_KEY)
            .env("MESH_SIGNING_KEY", mesh_signing_key().to_pem()?.expose());
        let peer = Self::start("Fastify", address, &command, mesh.folder());
        peer.answers(user, "/data/user/id").await?;
        peer.refuses(user).await?;
        Ok(peer)
    }

    /// `peers/envoy`.
    pub(crate) async fn envoy(mesh: &Mesh, user: &User, programs: &Programs) -> Result<Self, BoxError> {
        let address = free_address();
        let (host, port) = split(&address)?;
        let (service_host, service_port) = split(mesh.address("user-svc")?)?;
        let descriptors = mesh.folder().join("rest.binpb");
        let envoy = folder().join("envoy");
        std::fs::write(&descriptors, rest_descriptors()?)?;
        let secret = URL_SAFE_NO_PAD.encode(SESSION_KEY);
        let jwks = json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": secret }] });
        let configuration = fill(
            &std::fs::read_to_string(envoy.join("envoy.yaml"))?,
            &[
                ("LISTEN_HOST", host),
                ("LISTEN_PORT", port),
                ("USER_SVC_HOST", service_host),
                ("USER_SVC_PORT", service_port),
                ("SESSION_JWKS", &jwks.to_string()),
                ("MESH_TOKEN", &lasting_mesh_token(user)?),
                ("DESCRIPTORS", &descriptors.display().to_string()),
            ],
        )?;
        let file = mesh.folder().join("envoy.yaml");
        std::fs::write(&file, configuration)?;
        let mut command = Command::new(&programs.envoy);
        command.arg("--config-path").arg(file).args(["--concurrency", &workers()?.to_string()]).args([
            "--log-level",
            "warning",
            "--disable-hot-restart",
        ]);
        let peer = Self::start("Envoy", address, &command, mesh.folder());
        peer.answers(user, "/user/id").await?;
        peer.refuses(user).await?;
        Ok(peer)
    }

    fn start(name: &'static str, address: String, command: &Command, folder: &Path) -> Self {
        let mut logged = Command::new("/bin/sh");
        logged
            .args(["-c", r#"log=$1; shift; exec "$@" >"$log" 2>&1"#, "sh"])
            .arg(folder.join(name).with_extension("log"))
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { name, address, process: Process::start(&logged, None, "TERM", None) }
    }

    /// As soon as it answers, the answer is about this user.
    async fn answers(&self, user: &User, id: &str) -> Result<(), BoxError> {
        let ask = async || Rest::connect(&self.address, Some(&user.token)).await?.get("/v1/users/me").await;
        let body = patiently(ask).await.map_err(|error| format!("{}: {error}", self.name))?;
        let told = text(&body, id)?;
        if told == user.id {
            Ok(())
        } else {
            Err(format!("{} answers about {told}, not {}", self.name, user.id).into())
        }
    }

    /// Neither a token whose signature is another's nor none is taken.
    async fn refuses(&self, user: &User) -> Result<(), BoxError> {
        let (claims, _) = user.token.rsplit_once('.').ok_or("an access token has three parts")?;
        let forged = format!("{claims}.{}", URL_SAFE_NO_PAD.encode([0; 32]));
        for token in [Some(&*forged), None] {
            let status = Rest::connect(&self.address, token).await?.status_of("/v1/users/me").await?;
            if status != StatusCode::UNAUTHORIZED {
                return Err(format!("{} answers a wrong token with {status}", self.name).into());
            }
        }
        Ok(())
    }
}

/// Where the programs are that the peers run on.
pub(crate) struct Programs {
    node: PathBuf,
    envoy: PathBuf,
}

impl Programs {
    /// The pinned ones, fetched if they are not there.
    pub(crate) fn fetch() -> Result<Self, BoxError> {
        let told = Command::new("python3").arg(folder().join("fetch.py")).output()?;
        let paths = String::from_utf8(told.stdout)?;
        match paths.lines().collect::<Vec<_>>()[..] {
            [node, envoy] if told.status.success() => Ok(Self { node: node.into(), envoy: envoy.into() }),
            _ => {
                Err(format!("the peers cannot be fetched: {}", String::from_utf8_lossy(&told.stderr)).into())
            }
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn protos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}

/// `rest.proto` and what it imports, compiled, with the option that names the route: prost's own types would lose it.
fn rest_descriptors() -> Result<Vec<u8>, BoxError> {
    let mut compiler = protox::Compiler::new([folder().join("envoy"), protos()])?;
    compiler.include_imports(true).open_file("rest.proto")?;
    Ok(compiler.encode_file_descriptor_set())
}

fn split(address: &str) -> Result<(&str, &str), BoxError> {
    Ok(address.rsplit_once(':').ok_or_else(|| format!("{address} has no port"))?)
}

/// The template with each `${NAME}` replaced; one whose name is not among the values is an error.
fn fill(template: &str, values: &[(&str, &str)]) -> Result<String, BoxError> {
    let mut filled = template.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("${{{name}}}"), value);
    }
    match filled.split_once("${").and_then(|(_, rest)| rest.split_once('}')) {
        Some((name, _)) => Err(format!("the template names {name}, which has no value").into()),
        None => Ok(filled),
    }
}

/// A mesh token of this user for a peer that cannot sign any: it is good for a day, where those of the gateway are good
/// for a minute.
fn lasting_mesh_token(user: &User) -> Result<String, BoxError> {
    let key = mesh_signing_key();
    let header = Header { kid: Some(key.verifying().name()), ..Header::new(Algorithm::EdDSA) };
    let now = Clock::system().now().as_micros() / 1_000_000;
    let claims = json!({
        "role": "user", "id": user.id, "iss": "gateway", "aud": ["user-svc"], "iat": now, "exp": now + 86_400,
    });
    Ok(jsonwebtoken::encode(&header, &claims, &key.encoding()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_by_name() {
        let values = [("ONE", "1"), ("TWO", "2")];
        assert_eq!(fill("a: ${ONE}, b: ${TWO}${ONE}", &values).unwrap(), "a: 1, b: 21");
        let refusal = fill("${ONE} ${ELSE}", &values).unwrap_err().to_string();
        assert_eq!(refusal, "the template names ELSE, which has no value");
    }

    #[test]
    fn the_transcoder_is_told_of_the_route() {
        let descriptors = rest_descriptors().unwrap();
        for part in [&b"/v1/users/me"[..], b"hearlers/v1/user.proto", b"google/protobuf/timestamp.proto"] {
            assert!(descriptors.windows(part.len()).any(|window| window == part), "{part:?}");
        }
    }
}
