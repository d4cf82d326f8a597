//! The rules of calls, against real servers.

mod balancing;
mod ejection;
mod following;
mod limits;
mod measuring;
mod retries;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tonic::{Code, Status};
use upstream::{Upstream, answer, refuse};

use super::*;
use crate::proto::v1::session_service_client::SessionServiceClient;
use crate::proto::v1::{ListSessionsRequest, RotateRefreshTokenRequest};
use crate::testkit::eventually;

const SERVICE: &str = "user-svc";

fn channel_to(addresses: &[String], settings: ChannelSettings) -> MeshChannel {
    let directory = Directory::fixed(HashMap::from([(SERVICE.to_owned(), addresses.to_vec())]));
    MeshChannel::new(SERVICE, directory, settings)
}

/// Calls a method without side effects.
async fn find(channel: &MeshChannel) -> Result<(), Status> {
    let mut client = SessionServiceClient::new(channel.clone());
    client.list_sessions(ListSessionsRequest::default()).await.map(drop)
}

/// Calls a method that must not be carried out twice.
async fn rotate(channel: &MeshChannel) -> Result<(), Status> {
    let mut client = SessionServiceClient::new(channel.clone());
    client.rotate_refresh_token(RotateRefreshTokenRequest::default()).await.map(drop)
}

fn unavailable() -> Response {
    refuse(Status::unavailable("not now"))
}

/// An address that nobody listens on.
fn closed_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
