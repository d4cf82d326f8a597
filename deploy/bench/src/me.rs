//! `GET /v1/users/me` through the gateway beside the same RPC called directly on user-svc, in one run.
//!
//! Both are called by the same loop over the same number of connections, in turn, several times; what counts is the
//! ratio of the medians.

use std::time::Duration;

use shared::auth::{Caller, MESH_TOKEN};
use shared::proto::v1::GetUserRequest;
use shared::proto::v1::user_service_client::UserServiceClient;
use tonic::transport::Channel;

use crate::BoxError;
use crate::http::Rest;
use crate::load::{Arguments, Connection, Sample, run};
use crate::mesh::{Mesh, Store, mesh_token};

const CONNECTIONS: usize = 64;

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.number("--rounds", 5)?, arguments.number("--seconds", 4)?);
    let duration = Duration::from_secs(seconds as u64);
    let mesh = Mesh::start(Store::Sqlite, &["user-svc"]).await?;
    let guest = mesh.guest().await?;
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    // The first round warms up and does not count.
    for round in 0..=rounds {
        let (mut rpcs, mut rests) = (Vec::new(), Vec::new());
        for _ in 0..CONNECTIONS {
            let client = UserServiceClient::new(mesh.channel("user-svc").await?);
            let token = mesh_token(Caller::User(guest.id.clone()))?;
            rpcs.push(Rpc { client, token, user_id: guest.id.clone() });
        }
        let rpc = run(rpcs, duration).await?;
        for _ in 0..CONNECTIONS {
            rests.push(mesh.rest(&guest).await?);
        }
        let rest = run(rests, duration).await?;
        if round > 0 {
            direct.push(rpc);
            through.push(rest);
        }
    }
    let (direct, through) = (Sample::median(direct), Sample::median(through));
    println!("{CONNECTIONS} connections, median of {rounds} runs of {seconds} s in turn");
    println!("{:<34}{:>12}{:>12}{:>12}", "", "calls/s", "p50 ms", "p99 ms");
    for (name, sample) in [("GetUser on user-svc", &direct), ("GET /v1/users/me on the gateway", &through)] {
        println!("{name:<34}{:>12.0}{:>12.2}{:>12.2}", sample.rate, sample.p50, sample.p99);
    }
    println!("ratio of rates: {:.2}", through.rate / direct.rate);
    Ok(())
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
