//! counseling-svc: the counselors, what they speak from, and what is said to them.
//!
//! Each aggregate has a folder, and in it each layer a file. Dependencies point inwards: `grpc` calls `commands` and
//! `queries`, which work on `domain`; `repository` keeps it in the database. The counselor's mind is behind the port
//! [`assistant::Assistant`].

pub mod assistant;
mod authority;
mod config;
pub mod contexts;
mod counselors;
mod counsels;
mod episodes;
mod erasure;
mod export;
mod labels;
mod migration;
mod prompts;
mod relationships;
mod seed;
mod text;

use std::sync::Arc;

use shared::Error;
use shared::grpc::{GrpcServer, UserDataGrpc};
use shared::messaging::{ERASE_USERS, UNDERSTAND_COUNSELS};
use shared::proto::v1::counsel_prompt_service_server::CounselPromptServiceServer;
use shared::proto::v1::counsel_service_server::CounselServiceServer;
use shared::proto::v1::counselor_service_server::CounselorServiceServer;
use shared::proto::v1::episode_service_server::EpisodeServiceServer;
use shared::proto::v1::idempotency_service_server::IdempotencyServiceServer;
use shared::proto::v1::user_data_service_server::UserDataServiceServer;
use shared::service::{Running, Service};
use shared::time::Clock;

use crate::assistant::{Assistant, ModelAssistant, OfflineAssistant, RiskScreen};
pub use crate::authority::RULES;
pub use crate::config::{AssistantConfig, CounselingConfig, MEANINGS};
use crate::counselors::grpc::CounselorGrpc;
use crate::counsels::commands::CounselCommands;
use crate::counsels::grpc::CounselGrpc;
use crate::counsels::recovery;
use crate::counsels::risk::RiskPolicy;
use crate::counsels::understanding::UnderstandCounsels;
use crate::episodes::grpc::EpisodeGrpc;
use crate::erasure::consumers::EraseUsers;
use crate::migration::Migrator;
use crate::prompts::grpc::PromptGrpc;

/// Starts counseling-svc with the assistant that it is configured with, and returns once it serves.
///
/// # Errors
/// When the assistant cannot be set up, the database cannot be opened, migrated or seeded, the broker refuses the
/// streams, or the address is in use.
pub async fn start(config: impl Into<CounselingConfig>, clock: Clock) -> Result<Running, Error> {
    let config = config.into();
    let assistant: Arc<dyn Assistant> = match &config.assistant {
        AssistantConfig::Offline => Arc::new(OfflineAssistant::new().map_err(Error::internal)?),
        AssistantConfig::Model(settings) => {
            Arc::new(ModelAssistant::new(settings.clone()).map_err(Error::internal)?)
        }
    };
    start_with(config, clock, assistant).await
}

/// Starts counseling-svc with another mind behind its counselors.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    config: impl Into<CounselingConfig>,
    clock: Clock,
    assistant: Arc<dyn Assistant>,
) -> Result<Running, Error> {
    let CounselingConfig { service: config, risk_severity, .. } = config.into();
    let service = Service::prepare::<Migrator>("counseling-svc", config, clock).await?;
    let (database, clock) = (&service.database, &service.clock);
    seed::plant(database, clock.now()).await?;
    let risks = RiskPolicy::new(risk_severity, RiskScreen::new().map_err(Error::internal)?);

    // What follows from what was said.
    let understanding = UnderstandCounsels::new(database, clock.clone(), assistant.clone(), risks.clone());
    service.consume(&UNDERSTAND_COUNSELS, understanding);
    service.consume(&ERASE_USERS, EraseUsers::new(database, clock.clone()));

    // What time alone does.
    let commands = CounselCommands::new(database.clone(), clock.clone(), assistant, risks);
    let recovering = commands.clone();
    service.spawn(|shutdown| recovery::run(recovering, shutdown));

    // What callers do.
    let server = GrpcServer::new(RULES)
        .with(CounselorServiceServer::new(CounselorGrpc::new(database, clock)))
        .with(EpisodeServiceServer::new(EpisodeGrpc::new(database, clock)))
        .with(CounselPromptServiceServer::new(PromptGrpc::new(database, clock)))
        .with(CounselServiceServer::new(CounselGrpc::new(commands, database)))
        .with(UserDataServiceServer::new(UserDataGrpc::new(database, export::sections)))
        .with(IdempotencyServiceServer::new(service.idempotency_keys()));
    service.serve(server).await
}
