//! user-svc: who the users are, what they may do, how many messages they have left and what they did.
//!
//! Each aggregate has a folder, and in it each layer a file. Dependencies point inwards: `grpc` and `consumers` call
//! `commands` and `queries`, which work on `domain`; `repository` keeps it in the database.

mod auth_users;
mod authority;
mod export;
mod message_tokens;
mod migration;
mod passes;
mod sessions;
mod text;
mod user_activities;
mod users;

use shared::Error;
use shared::grpc::{GrpcServer, UserDataGrpc};
use shared::messaging::{CREDIT_TOKENS, KEEP_PASSES, SETTLE_RESERVATIONS, TRACK_USERS};
use shared::proto::v1::auth_user_service_server::AuthUserServiceServer;
use shared::proto::v1::idempotency_service_server::IdempotencyServiceServer;
use shared::proto::v1::message_token_service_server::MessageTokenServiceServer;
use shared::proto::v1::session_service_server::SessionServiceServer;
use shared::proto::v1::user_activity_service_server::UserActivityServiceServer;
use shared::proto::v1::user_data_service_server::UserDataServiceServer;
use shared::proto::v1::user_service_server::UserServiceServer;
use shared::service::{Running, Service, ServiceConfig};
use shared::time::Clock;

use crate::auth_users::grpc::AuthUserGrpc;
pub use crate::authority::RULES;
use crate::message_tokens::commands::TokenCommands;
use crate::message_tokens::consumers::{CreditTokens, SettleReservations};
use crate::message_tokens::expiry;
use crate::message_tokens::grpc::MessageTokenGrpc;
use crate::migration::Migrator;
use crate::passes::consumers::KeepPasses;
use crate::sessions::grpc::SessionGrpc;
use crate::user_activities::consumers::TrackUsers;
use crate::user_activities::grpc::UserActivityGrpc;
use crate::users::grpc::UserGrpc;

/// Starts user-svc and returns once it serves.
///
/// # Errors
/// When the database cannot be opened or migrated, the broker refuses the streams, or the address is in use.
pub async fn start(config: ServiceConfig, clock: Clock) -> Result<Running, Error> {
    let service = Service::prepare::<Migrator>("user-svc", config, clock).await?;
    let (database, clock) = (&service.database, &service.clock);

    // What other services' events do here.
    service.consume(&SETTLE_RESERVATIONS, SettleReservations::new(clock.clone()));
    service.consume(&CREDIT_TOKENS, CreditTokens::new(clock.clone()));
    service.consume(&KEEP_PASSES, KeepPasses::new(clock.clone()));
    service.consume(&TRACK_USERS, TrackUsers::new(clock.clone()));

    // What time alone does.
    let tokens = TokenCommands::new(database.clone(), clock.clone());
    service.spawn(|shutdown| expiry::run(tokens, shutdown));

    // What callers do.
    let server = GrpcServer::new(RULES)
        .with(UserServiceServer::new(UserGrpc::new(database, clock)))
        .with(AuthUserServiceServer::new(AuthUserGrpc::new(database, clock)))
        .with(SessionServiceServer::new(SessionGrpc::new(database, clock)))
        .with(MessageTokenServiceServer::new(MessageTokenGrpc::new(database, clock)))
        .with(UserActivityServiceServer::new(UserActivityGrpc::new(database, clock)))
        .with(UserDataServiceServer::new(UserDataGrpc::new(database, export::sections)))
        .with(IdempotencyServiceServer::new(service.idempotency_keys()));
    service.serve(server).await
}
