//! Admins by the command line, for who holds the gateway's keys anyway.

use std::time::Duration;

use shared::auth::Caller;
use shared::error::Error;
use shared::mesh::GATEWAY;
use shared::messaging::Nats;
use shared::proto::v1::{Authority, SetAuthorityRequest};
use shared::shutdown::Shutdown;
use tonic::Code;

use crate::config::Config;
use crate::reach;

/// How long user-svc may take to be found.
const LIMIT: Duration = Duration::from_secs(10);

/// Gives a user admin authority. Tokens that the user holds keep the authority they were signed with: the next sign-in
/// or refresh brings the new one.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user, [`Error::Unavailable`] when the mesh is not there.
pub async fn grant_admin(config: Config, user_id: &str) -> Result<(), Error> {
    let unavailable = |what: &str| Error::Unavailable(what.into());
    let shutdown = Shutdown::default();
    let connect = Box::pin(Nats::connect_when_there(&config.nats, GATEWAY, &shutdown));
    let nats = tokio::time::timeout(LIMIT, connect).await;
    let nats = nats.ok().flatten().ok_or_else(|| unavailable("the broker does not answer"))?;
    let (mut directory, upstream) = reach(&config, &nats, &shutdown)?;
    let found = async {
        while directory.instances("user-svc").is_empty() {
            directory.changed().await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.map_err(|_| unavailable("no user-svc is running"))?;
    let set = SetAuthorityRequest { user_id: user_id.to_owned(), authority: Authority::Admin.into() };
    let set = upstream.request(Caller::Gateway, set);
    match upstream.auth_users().set_authority(set).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::NotFound => Err(Error::NotFound("user")),
        Err(status) => Err(Error::Unavailable(Box::new(status))),
    }
}
