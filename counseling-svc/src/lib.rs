//! counseling-svc: the counselors, what they speak from, and what is said to them.
//!
//! Each aggregate has a folder, and in it each layer a file. Dependencies point inwards: `grpc` calls `commands` and
//! `queries`, which work on `domain`; `repository` keeps it in the database. The counselor's mind is behind the port
//! [`assistant::Assistant`].

pub mod assistant;
pub mod contexts;
mod counselors;
mod counsels;
mod migration;
mod prompts;
mod relationships;
mod seed;

use std::sync::Arc;

use shared::Error;
use shared::grpc::GrpcServer;
use shared::proto::v1::counsel_prompt_service_server::CounselPromptServiceServer;
use shared::proto::v1::counsel_service_server::CounselServiceServer;
use shared::proto::v1::counselor_service_server::CounselorServiceServer;
use shared::service::{Running, Service, ServiceConfig};
use shared::time::Clock;

use crate::assistant::{Assistant, OfflineAssistant};
use crate::counselors::grpc::CounselorGrpc;
use crate::counsels::commands::CounselCommands;
use crate::counsels::grpc::CounselGrpc;
use crate::counsels::recovery;
use crate::migration::Migrator;
use crate::prompts::grpc::PromptGrpc;

/// Starts counseling-svc with the offline counselor, and returns once it serves.
///
/// # Errors
/// When the database cannot be opened, migrated or seeded, the broker refuses the streams, or the address is in use.
pub async fn start(config: ServiceConfig, clock: Clock) -> Result<Running, Error> {
    let assistant = OfflineAssistant::new().map_err(Error::internal)?;
    start_with(config, clock, Arc::new(assistant)).await
}

/// Starts counseling-svc with another mind behind its counselors.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    config: ServiceConfig,
    clock: Clock,
    assistant: Arc<dyn Assistant>,
) -> Result<Running, Error> {
    let service = Service::prepare::<Migrator>("counseling-svc", config, clock).await?;
    let (database, clock) = (&service.database, &service.clock);
    seed::plant(database, clock.now()).await?;

    // What time alone does.
    let commands = CounselCommands::new(database.clone(), clock.clone(), assistant);
    let recovering = commands.clone();
    service.spawn(|shutdown| recovery::run(recovering, shutdown));

    // What callers do.
    let server = GrpcServer::default()
        .with(CounselorServiceServer::new(CounselorGrpc::new(database)))
        .with(CounselPromptServiceServer::new(PromptGrpc::new(database, clock)))
        .with(CounselServiceServer::new(CounselGrpc::new(commands, database)));
    service.serve(server).await
}
