//! `GET /v1/users/me` through the gateway beside the same RPC called directly on user-svc, and what it costs to say and
//! to find out who calls, in one run.
//!
//! All are called by the same loop over the same number of connections, in turn, several times; what counts are the
//! ratios of the medians.

use std::time::Duration;

use shared::auth::{Caller, MESH_TOKEN};
use shared::proto::v1::GetUserRequest;
use shared::proto::v1::user_service_client::UserServiceClient;
use tonic::transport::Channel;

use crate::BoxError;
use crate::http::Rest;
use crate::load::{Arguments, Connection, Sample, run};
use crate::mesh::{Mesh, Store, User, mesh_token};

const CONNECTIONS: usize = 64;

/// Gateways that differ in what they remember.
const GATEWAYS: [(&str, &[(&str, &str)]); 3] = [
    ("GET /v1/users/me on the gateway", &[]),
    ("  access tokens verified each time", &[("SESSION_CACHE", "0")]),
    ("  and each call signed anew", &[("SESSION_CACHE", "0"), ("MESH_TOKEN_CACHE", "0")]),
];

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.number("--rounds", 5)?, arguments.number("--seconds", 4)?);
    let duration = Duration::from_secs(seconds as u64);
    let mut mesh = Mesh::start(Store::Sqlite, &["user-svc"]).await?;
    let guest = mesh.guest().await?;
    let mut gateways = Vec::new();
    for (_, configuration) in GATEWAYS {
        gateways.push(mesh.another_gateway(configuration)?);
    }
    let mut samples = [const { Vec::new() }; 1 + GATEWAYS.len()];
    // The first round warms up and does not count.
    for round in 0..=rounds {
        let mut told = vec![run(rpcs(&mesh, &guest).await?, duration).await?];
        for gateway in &gateways {
            let mut rests = Vec::new();
            for _ in 0..CONNECTIONS {
                rests.push(Mesh::rest_at(gateway, &guest).await?);
            }
            told.push(run(rests, duration).await?);
        }
        if round > 0 {
            samples.iter_mut().zip(told).for_each(|(samples, sample)| samples.push(sample));
        }
    }
    let [direct, through, verifying, signing] = samples.map(Sample::median);
    println!("{CONNECTIONS} connections, median of {rounds} runs of {seconds} s in turn");
    println!("{:<38}{:>12}{:>12}{:>12}", "", "calls/s", "p50 ms", "p99 ms");
    let names = ["GetUser on user-svc"].into_iter().chain(GATEWAYS.map(|(name, _)| name));
    for (name, sample) in names.zip([&direct, &through, &verifying, &signing]) {
        println!("{name:<38}{:>12.0}{:>12.2}{:>12.2}", sample.rate, sample.p50, sample.p99);
    }
    println!("gateway to direct RPC: {:.2}", through.rate / direct.rate);
    println!("verifying access tokens to remembering them: {:.3}", verifying.rate / through.rate);
    println!("and signing each call to remembering that, too: {:.3}", signing.rate / through.rate);
    Ok(())
}

async fn rpcs(mesh: &Mesh, user: &User) -> Result<Vec<Rpc>, BoxError> {
    let mut rpcs = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = UserServiceClient::new(mesh.channel("user-svc").await?);
        let token = mesh_token(Caller::User(user.id.clone()))?;
        rpcs.push(Rpc { client, token, user_id: user.id.clone() });
    }
    Ok(rpcs)
}

/// `GetUser` called directly.
struct Rpc {
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

impl Connection for Rest {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.get("/v1/users/me").await.map(drop)
    }
}
