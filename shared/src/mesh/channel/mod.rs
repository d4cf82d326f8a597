//! Calls to a service with several instances: deadline, load shedding, retries, balancing.

mod balance;
mod body;
mod connection;
mod deadline;
mod error;
mod health;
mod measure;
mod members;
mod methods;
mod retry;
mod room;
mod settings;
mod shed;
#[cfg(test)]
mod tests;
mod trace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use balance::Balance;
use deadline::{Deadline, DeadlineLayer};
use error::CallError;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderValue;
use measure::{Measure, MeasureLayer};
use members::Members;
use methods::Methods;
use retry::{Retry, RetryLayer};
pub use settings::ChannelSettings;
use shed::{Shed, ShedLayer};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceBuilder};

use super::Directory;
use crate::Error;
use crate::auth::{Caller, MESH_TOKEN, MeshSigner};
use crate::proto::DESCRIPTORS;

type Request = http::Request<Body>;
type Response = http::Response<Body>;
type Answer = BoxFuture<'static, Result<Response, CallError>>;

/// A call passes these from left to right. None of them ever waits in `poll_ready`, so that clones are always ready.
type Stack = Measure<Deadline<Shed<Retry<Balance>>>>;

/// What generated clients of one service call through. Clones share everything: connections, limits and budget.
///
/// A failed call is a [`Status`]: UNAVAILABLE when no instance could be reached or too many calls are in flight,
/// DEADLINE_EXCEEDED when time ran out, and otherwise what the instance said.
///
/// ```
/// # use std::collections::HashMap;
/// # use shared::mesh::{ChannelSettings, Directory, MeshChannel};
/// # use shared::proto::v1::user_service_client::UserServiceClient;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let addresses = HashMap::from([("user-svc".to_owned(), vec!["127.0.0.1:50051".to_owned()])]);
/// let directory = Directory::fixed(addresses);
/// let channel = MeshChannel::new("user-svc", directory, ChannelSettings::default());
/// let users = UserServiceClient::new(channel.clone());
/// assert_eq!(channel.instances()[0].address, "127.0.0.1:50051");
/// # drop(users);
/// # }
/// ```
#[derive(Clone)]
pub struct MeshChannel {
    stack: Stack,
    members: Arc<Members>,
    signer: Option<MeshSigner>,
    // Kept for its Drop: the directory is followed until the last clone is gone.
    _follower: Arc<AbortOnDropHandle<()>>,
}

impl MeshChannel {
    /// A channel to the instances of `service` in `directory`, each connected when a call first needs it.
    ///
    /// Which methods are idempotent is read from the descriptors of `proto/`. Must be called in a tokio runtime.
    pub fn new(service: &str, directory: Directory, settings: ChannelSettings) -> Self {
        let service = Arc::<str>::from(service);
        let methods = Methods::read(DESCRIPTORS);
        let members = Arc::new(Members::new(service.clone(), settings.clone()));
        members.update(&directory.instances(&service));
        let stack = ServiceBuilder::new()
            .layer(MeasureLayer::new(service.clone()))
            .layer(DeadlineLayer::new(service.clone(), settings.deadline))
            .layer(ShedLayer::new(service.clone(), methods.clone(), &settings))
            .layer(RetryLayer::new(service, methods, &settings))
            .service(Balance::new(members.clone()));
        let follower = tokio::spawn(follow(directory, members.clone()));
        Self { stack, members, signer: None, _follower: Arc::new(AbortOnDropHandle::new(follower)) }
    }

    /// Signs the calls that carry a [`Caller`](crate::auth::Caller) among their extensions, for this service alone.
    #[must_use]
    pub fn signed_by(self, signer: MeshSigner) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// The token of a call.
    fn sign(&self, request: &mut Request) -> Result<(), Status> {
        let caller = request.extensions_mut().remove::<Caller>();
        if let (Some(signer), Some(caller)) = (&self.signer, caller) {
            let token = signer.token(caller, self.members.service())?;
            let token = HeaderValue::try_from(token).map_err(Error::internal)?;
            request.headers_mut().insert(MESH_TOKEN, token);
        }
        Ok(())
    }

    /// The instances and how they are doing at the moment, ordered by id: for operators.
    pub fn instances(&self) -> Vec<InstanceHealth> {
        self.members.snapshot()
    }
}

/// How an instance is doing, as this channel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceHealth {
    /// Its id in the registry; its address where addresses are fixed.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Calls that this channel has sent it and that are not finished.
    pub in_flight: usize,
    /// Whether it failed so often in a row that it gets no calls, for a while.
    pub ejected: bool,
}

/// Changes the members as the directory changes, whether or not there are calls.
async fn follow(mut directory: Directory, members: Arc<Members>) {
    loop {
        directory.changed().await;
        members.update(&directory.instances(members.service()));
    }
}

impl Service<Request> for MeshChannel {
    type Response = Response;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response, Status>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.stack.poll_ready(context).map_err(Status::from)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Err(status) = self.sign(&mut request) {
            return std::future::ready(Err(status)).boxed();
        }
        self.stack.call(request).map(|result| result.map_err(Status::from)).boxed()
    }
}

/// Nothing that holds one of our locks can leave its data half-changed, so a panic there changes nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
