//! `GET /v1/users/me` through the gateway, beside what limits it and what else could stand in its place.

use shared::auth::{Caller, MESH_TOKEN};
use shared::proto::v1::GetUserRequest;
use shared::proto::v1::user_service_client::UserServiceClient;
use tonic::transport::Channel;

use crate::BoxError;
use crate::compare::{Contender, Plan, Row, compare};
use crate::http::Rest;
use crate::arguments::Arguments;
use crate::load::Connection;
use crate::mesh::{Mesh, Store, User, mesh_token};
use crate::peers::{Peer, Programs};

/// What the workload is called in a report.
pub(crate) const WORKLOAD: &str = "GET /v1/users/me";
const CONNECTIONS: usize = 64;

/// Measures all contenders.
///
/// # Errors
/// When one cannot be started, or does not answer as it should.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let programs = Programs::fetch()?;
    let mesh = Box::pin(Mesh::start(Store::Sqlite, &["user-svc"])).await?;
    let guest = mesh.guest().await?;
    let service = mesh.processes(&["user-svc"]);
    let bytes = Peer::bytes(&mesh, &guest).await?;
    let peers =
        [Peer::fastify(&mesh, &guest, &programs).await?, Peer::envoy(&mesh, &guest, &programs).await?];

    let mut contenders = vec![
        rest("gateway", mesh.gateway(), &guest, mesh.processes(&["user-svc", mesh.gateway()])),
        rpc("GetUser called directly", &mesh, &guest),
        rest(bytes.name, &bytes.address, &guest, bytes.processes()),
    ];
    contenders.extend(peers.iter().map(|peer| {
        let processes = [service.clone(), peer.processes()].concat();
        rest(peer.name, &peer.address, &guest, processes)
    }));
    compare(WORKLOAD, &contenders, Plan::of(arguments)).await
}

/// The route at an address.
pub(crate) fn rest<'a>(
    name: &'a str,
    address: &'a str,
    user: &'a User,
    processes: Vec<u32>,
) -> Contender<'a> {
    Contender::new(name, processes, move || async move {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Rest::connect(address, Some(&user.token)).await?);
        }
        Ok(connections)
    })
}

/// The call that the route makes, made on user-svc itself.
pub(crate) fn rpc<'a>(name: &'a str, mesh: &'a Mesh, user: &'a User) -> Contender<'a> {
    Contender::new(name, mesh.processes(&["user-svc"]), move || async move {
        let token = mesh_token(Caller::User(user.id.clone()))?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = UserServiceClient::new(mesh.channel("user-svc").await?);
            connections.push(Rpc { client, token: token.clone(), user_id: user.id.clone() });
        }
        Ok(connections)
    })
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
