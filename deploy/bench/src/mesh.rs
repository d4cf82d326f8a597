//! What is measured: nats-server, the services and the gateway as real processes of this build.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use shared::auth::{Caller, MESH_TOKEN, MeshSigner};
use shared::config::Secret;
use shared::database::{Database, DatabaseSettings};
use shared::mesh::{GATEWAY, SERVICES};
use shared::proto::v1::auth_user_service_client::AuthUserServiceClient;
use shared::proto::v1::{Authority, SetAuthorityRequest};
use shared::testkit::{NatsServer, PostgresServer, Process, free_port, mesh_signing_key};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::BoxError;
use crate::http::{Rest, text};
use crate::transactions::{LOGGED, Transactions};

/// By which the gateway signs access tokens (HS256).
pub(crate) const SESSION_KEY: &str = "a key that only the benchmark of the mesh uses";

/// What payment-svc needs besides: a provider, which nobody asks for anything here.
pub(crate) const PROVIDER: [(&str, &str); 2] =
    [("DEVELOPMENT", "true"), ("SANDBOX_URL", "http://127.0.0.1:9")];

/// Where the services keep their data. Both write through to the disk.
#[derive(Clone, Copy)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A running mesh.
pub(crate) struct Mesh {
    gateway: String,
    ready_after: Duration,
    services: HashMap<&'static str, String>,
    // By the service's name or the gateway's address, in the order in which they end; before what they still need then.
    processes: Vec<(String, Process)>,
    nats: NatsServer,
    _postgres: Option<PostgresServer>,
    folder: TempDir,
}

/// A user who is signed in.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Mesh {
    /// Starts these services and a gateway, and waits until a guest can sign in.
    pub(crate) async fn start(store: Store, services: &[&'static str]) -> Result<Self, BoxError> {
        Box::pin(Self::start_with(store, services, &[])).await
    }

    /// As [`Mesh::start`], with more in the services' environment.
    pub(crate) async fn start_with(
        store: Store,
        services: &[&'static str],
        environment: &[(&str, &str)],
    ) -> Result<Self, BoxError> {
        Box::pin(Self::start_each_with(store, services, environment, &[])).await
    }

    /// As [`Mesh::start_with`], with more in the gateway's environment, too.
    pub(crate) async fn start_each_with(
        store: Store,
        services: &[&'static str],
        environment: &[(&str, &str)],
        configuration: &[(&str, &str)],
    ) -> Result<Self, BoxError> {
        let nats = NatsServer::start().await;
        Box::pin(Self::start_on(nats, store, services, environment, configuration)).await
    }

    /// As [`Mesh::start_each_with`], on a broker that runs already.
    pub(crate) async fn start_on(
        nats: NatsServer,
        store: Store,
        services: &[&'static str],
        environment: &[(&str, &str)],
        configuration: &[(&str, &str)],
    ) -> Result<Self, BoxError> {
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => Some(PostgresServer::start().await),
        };
        let folder = tempfile::Builder::new().prefix("mesh-bench-").tempdir()?;
        let began = Instant::now();
        let mut processes = Vec::new();
        let mut addresses = HashMap::new();
        for name in services {
            let address = free_address();
            let database = match &postgres {
                None => sqlite(&file_of(name, folder.path())),
                Some(server) => server.new_database().await,
            };
            let mut command = logged(name, folder.path())?;
            command
                .env("LISTEN_ADDR", &address)
                .envs(nats.environment(name))
                .env("DATABASE_URL", database)
                .env("MESH_VERIFYING_KEYS", mesh_signing_key().verifying().to_pem()?)
                .env("RUST_LOG", LOGGED)
                .env("LOG_FORMAT", "json")
                .envs(environment.iter().copied());
            processes.push(((*name).to_owned(), Process::start(&command, None, "TERM", None)));
            addresses.insert(*name, address);
        }

        let mut mesh = Self {
            gateway: String::new(),
            ready_after: Duration::ZERO,
            services: addresses,
            processes,
            nats,
            _postgres: postgres,
            folder,
        };
        mesh.gateway = mesh.another_gateway(configuration)?;
        mesh.wait_until_ready(services).await?;
        mesh.ready_after = began.elapsed();
        Ok(mesh)
    }

    /// Starts a gateway in front of the same services, configured so besides: where it will listen.
    pub(crate) fn another_gateway(&mut self, configuration: &[(&str, &str)]) -> Result<String, BoxError> {
        let gateway = free_address();
        let mut command = Command::new(beside_this("gateway")?);
        command
            .env("LISTEN_ADDR", &gateway)
            .envs(self.nats.environment(GATEWAY))
            .env("MESH_SIGNING_KEY", mesh_signing_key().to_pem()?.expose())
            .env("SESSION_KEY", SESSION_KEY)
            // What else could stand in its place writes no log of requests either.
            .env("RUST_LOG", "warn")
            // The load comes from one address.
            .env("RATE_ADDRESS", "0")
            .env("RATE_USER", "0")
            .env("RATE_AUTH", "0")
            // What is refused is not measured.
            .env("QUEUE_LIMIT", "0")
            .env("UPSTREAM_CONCURRENCY_MIN", "1024")
            .envs(configuration.iter().copied());
        // Before the services, which end after it.
        self.processes.insert(0, (gateway.clone(), Process::start(&command, None, "TERM", None)));
        Ok(gateway)
    }

    /// A connection of its own to a gateway, as soon as it answers.
    pub(crate) async fn rest_at(gateway: &str, user: &User) -> Result<Rest, BoxError> {
        let connect = async || {
            let mut rest = Rest::connect(gateway, Some(&user.token)).await?;
            rest.get("/v1/users/me").await?;
            Ok(rest)
        };
        patiently(connect).await
    }

    /// A connection of its own to the gateway.
    pub(crate) async fn rest(&self, user: &User) -> Result<Rest, BoxError> {
        Rest::connect(&self.gateway, Some(&user.token)).await
    }

    /// A connection of its own to a service.
    pub(crate) async fn channel(&self, service: &str) -> Result<Channel, BoxError> {
        let address = self.address(service)?;
        Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
    }

    /// A connection to the broker that may do everything.
    pub(crate) async fn broker(&self) -> async_nats::Client {
        self.nats.client().await
    }

    /// Where the gateway listens.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Where a service listens.
    pub(crate) fn address(&self, service: &str) -> Result<&str, BoxError> {
        Ok(self.services.get(service).ok_or_else(|| format!("{service} does not run"))?)
    }

    /// The processes of services, by their names, and of gateways, by their addresses.
    pub(crate) fn processes(&self, of: &[&str]) -> Vec<u32> {
        let these = self.processes.iter().filter(|(name, _)| of.contains(&&**name));
        these.flat_map(|(_, process)| process.ids()).collect()
    }

    /// All of its processes, without the broker and the database server.
    pub(crate) fn all_processes(&self) -> Vec<u32> {
        self.processes.iter().flat_map(|(_, process)| process.ids()).collect()
    }

    /// How long it took from the start of the first process until the gateway answered for all services.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The SQLite database of a service.
    pub(crate) async fn database(&self, service: &str) -> Result<Database, BoxError> {
        open(&file_of(service, self.folder.path())).await
    }

    /// A folder that goes when the mesh ends.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The transactions that a service commits from now on.
    pub(crate) fn transactions(&self, service: &'static str) -> Result<Transactions, BoxError> {
        Transactions::from_now(service, log_of(service, self.folder.path()))
    }

    /// A new guest.
    pub(crate) async fn guest(&self) -> Result<User, BoxError> {
        let signed_in = Rest::connect(&self.gateway, None).await?.post("/v1/auth/initiate", None).await?;
        let token = text(&signed_in, "/data/accessToken")?;
        let me = Rest::connect(&self.gateway, Some(&token)).await?.get("/v1/users/me").await?;
        Ok(User { id: text(&me, "/data/user/id")?, token })
    }

    /// A new user whose message tokens have no limit: an admin.
    pub(crate) async fn talker(&self) -> Result<User, BoxError> {
        let user = self.guest().await?;
        let authority = Authority::Admin.into();
        let mut request = tonic::Request::new(SetAuthorityRequest { user_id: user.id.clone(), authority });
        request.metadata_mut().insert(MESH_TOKEN, mesh_token(Caller::Admin(user.id.clone()))?.parse()?);
        AuthUserServiceClient::new(self.channel("user-svc").await?).set_authority(request).await?;
        Ok(user)
    }

    /// The gateway has to find each service first.
    async fn wait_until_ready(&self, services: &[&str]) -> Result<(), BoxError> {
        patiently(async || {
            let guest = self.guest().await?;
            if services.contains(&"counseling-svc") {
                self.rest(&guest).await?.get("/v1/counselors").await?;
            }
            if services.contains(&"payment-svc") {
                self.rest(&guest).await?.get("/v1/products").await?;
            }
            Ok(())
        })
        .await
    }
}

/// Tries each hundredth of a second for half a minute.
pub(crate) async fn patiently<T>(attempt: impl AsyncFn() -> Result<T, BoxError>) -> Result<T, BoxError> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if began.elapsed() > Duration::from_secs(30) => {
                return Err(format!("not ready within half a minute: {error}").into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A token by which services trust the gateway.
pub(crate) fn mesh_token(caller: Caller) -> Result<String, BoxError> {
    Ok(MeshSigner::new(&mesh_signing_key(), 0)?.sign(caller, &SERVICES)?)
}

/// Runs a binary of this build with its standard output in a file.
fn logged(name: &str, folder: &Path) -> Result<Command, BoxError> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"exec "$0" >"$1""#]).arg(beside_this(name)?).arg(log_of(name, folder));
    Ok(command)
}

fn log_of(name: &str, folder: &Path) -> PathBuf {
    folder.join(name).with_extension("log")
}

fn file_of(name: &str, folder: &Path) -> PathBuf {
    folder.join(name).with_extension("db")
}

fn sqlite(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// Opens a SQLite database as services open theirs.
pub(crate) async fn open(file: &Path) -> Result<Database, BoxError> {
    let settings = DatabaseSettings {
        url: Secret::new(sqlite(file)),
        max_connections: DatabaseSettings::connections(),
        max_writers: DatabaseSettings::writers(),
    };
    Ok(Database::connect(&settings).await?)
}

/// A binary of the same build: what is measured is as optimised as what measures.
fn beside_this(name: &str) -> Result<PathBuf, BoxError> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is not built", path.display()).into()) }
}

pub(crate) fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}
