//! payment-svc: what can be bought, who can pay, and what was paid.
//!
//! Each aggregate has a folder, and in it each layer a file. Dependencies point inwards: `grpc` and `consumers` call
//! `commands` and `queries`, which work on `domain`; `repository` keeps it in the database. Who collects the money is
//! behind the port [`providers::Provider`].

mod authority;
mod config;
mod customers;
mod export;
pub mod ledger;
mod migration;
mod orders;
mod products;
pub mod providers;
pub mod sandbox;
mod subscriptions;
pub mod tools;

use std::collections::HashMap;
use std::sync::Arc;

use shared::Error;
use shared::grpc::{GrpcServer, UserDataGrpc};
use shared::messaging::KEEP_CUSTOMERS;
use shared::proto::v1::PaymentProvider;
use shared::proto::v1::idempotency_service_server::IdempotencyServiceServer;
use shared::proto::v1::order_service_server::OrderServiceServer;
use shared::proto::v1::payment_service_server::PaymentServiceServer;
use shared::proto::v1::product_service_server::ProductServiceServer;
use shared::proto::v1::subscription_service_server::SubscriptionServiceServer;
use shared::proto::v1::user_data_service_server::UserDataServiceServer;
use shared::service::{Running, Service};
use shared::time::Clock;

pub use crate::authority::RULES;
pub use crate::config::{MEANINGS, PaymentConfig, SandboxConfig, StripeConfig, TossConfig};
use crate::customers::consumers::KeepCustomers;
use crate::customers::grpc::PaymentGrpc;
use crate::ledger::{checkpoints, measure};
pub use crate::migration::Migrator;
use crate::orders::commands::OrderCommands;
pub use crate::orders::commands::OrderSettings;
use crate::orders::grpc::OrderGrpc;
use crate::orders::worker;
use crate::products::catalog;
use crate::products::grpc::ProductGrpc;
use crate::providers::{Provider, Providers};
use crate::sandbox::Sandbox;
pub use crate::subscriptions::domain::Patience;
use crate::subscriptions::grpc::SubscriptionGrpc;

/// Starts payment-svc and returns once it serves.
///
/// # Errors
/// When the database cannot be opened or migrated, the broker refuses the streams, or an address is in use.
pub async fn start(config: impl Into<PaymentConfig>, clock: Clock) -> Result<Running, Error> {
    let mut config = config.into();
    let service = Service::prepare::<Migrator>("payment-svc", config.service.clone(), clock).await?;
    let (database, clock) = (&service.database, &service.clock);
    catalog::plant(database, clock.now()).await?;
    if let Some(sandbox) = embedded_sandbox(&mut config).await? {
        service.spawn(|shutdown| async move {
            shutdown.begun().await;
            sandbox.stop().await;
        });
    }
    let orders = OrderCommands::new(database.clone(), clock.clone(), set_up(&config)?, config.orders);

    // What other services' events do here.
    service.consume(&KEEP_CUSTOMERS, KeepCustomers::new(clock.clone()));

    // What time alone does.
    let (due, sums) = (orders.clone(), database.clone());
    service.spawn(|shutdown| worker::run(due, shutdown));
    service.spawn(|shutdown| checkpoints::run(sums, shutdown));
    let checked = database.clone();
    service.spawn(|shutdown| measure::run(checked, shutdown));

    // What callers do.
    let server = GrpcServer::new(RULES)
        .with(PaymentServiceServer::new(PaymentGrpc::new(database)))
        .with(ProductServiceServer::new(ProductGrpc::new(database, clock)))
        .with(SubscriptionServiceServer::new(SubscriptionGrpc::new(database, clock)))
        .with(OrderServiceServer::new(OrderGrpc::new(orders, database)))
        .with(UserDataServiceServer::new(UserDataGrpc::new(database, export::sections)))
        .with(IdempotencyServiceServer::new(service.idempotency_keys()));
    service.serve(server).await
}

/// Starts the sandbox, if it is to run in this process, and notes where it is.
async fn embedded_sandbox(config: &mut PaymentConfig) -> Result<Option<Sandbox>, Error> {
    let Some(SandboxConfig { http, embedded: Some(settings), .. }) = &mut config.sandbox else {
        return Ok(None);
    };
    let sandbox = Sandbox::start(settings.clone()).await?;
    http.url = sandbox.url();
    Ok(Some(sandbox))
}

/// The providers that the configuration knows.
fn set_up(config: &PaymentConfig) -> Result<Providers, Error> {
    let mut known: HashMap<PaymentProvider, Arc<dyn Provider>> = HashMap::new();
    if let Some(SandboxConfig { http, key, notice_secret, .. }) = &config.sandbox {
        let sandbox = providers::sandbox::Sandbox::new(http.clone(), key, notice_secret.clone());
        known.insert(PaymentProvider::Sandbox, Arc::new(sandbox.map_err(Error::internal)?));
    }
    if let Some(TossConfig { http, secret_key, client_key }) = &config.toss {
        let toss = providers::toss::Toss::new(http.clone(), secret_key, client_key.clone());
        known.insert(PaymentProvider::Toss, Arc::new(toss.map_err(Error::internal)?));
    }
    if let Some(StripeConfig { http, secret_key, publishable_key, webhook_secret }) = &config.stripe {
        let (public, secret) = (publishable_key.clone(), webhook_secret.clone());
        let stripe = providers::stripe::Stripe::new(http.clone(), secret_key, public, secret);
        known.insert(PaymentProvider::Stripe, Arc::new(stripe.map_err(Error::internal)?));
    }
    Ok(Providers::new(config.first, known))
}
