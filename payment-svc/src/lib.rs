//! payment-svc: what can be bought, and who can pay.
//!
//! Each aggregate has a folder, and in it each layer a file. Dependencies point inwards: `grpc` and `consumers` call
//! `commands` and `queries`, which work on `domain`; `repository` keeps it in the database.

mod authority;
mod customers;
mod export;
mod migration;
mod products;

use shared::Error;
use shared::grpc::{GrpcServer, UserDataGrpc};
use shared::messaging::KEEP_CUSTOMERS;
use shared::proto::v1::payment_service_server::PaymentServiceServer;
use shared::proto::v1::product_service_server::ProductServiceServer;
use shared::proto::v1::user_data_service_server::UserDataServiceServer;
use shared::service::{Running, Service, ServiceConfig};
use shared::time::Clock;

pub use crate::authority::RULES;
use crate::customers::consumers::KeepCustomers;
use crate::customers::grpc::PaymentGrpc;
use crate::migration::Migrator;
use crate::products::catalog;
use crate::products::grpc::ProductGrpc;

/// Starts payment-svc and returns once it serves.
///
/// # Errors
/// When the database cannot be opened or migrated, the broker refuses the streams, or the address is in use.
pub async fn start(config: ServiceConfig, clock: Clock) -> Result<Running, Error> {
    let service = Service::prepare::<Migrator>("payment-svc", config, clock).await?;
    let (database, clock) = (&service.database, &service.clock);
    catalog::plant(database, clock.now()).await?;

    // What other services' events do here.
    service.consume(&KEEP_CUSTOMERS, KeepCustomers::new(clock.clone()));

    // What callers do.
    let server = GrpcServer::new(RULES)
        .with(PaymentServiceServer::new(PaymentGrpc::new(database)))
        .with(ProductServiceServer::new(ProductGrpc::new(database, clock)))
        .with(UserDataServiceServer::new(UserDataGrpc::new(database, export::sections)));
    service.serve(server).await
}
