//! What stands between the network and the routes.

mod csrf;
mod pressure;
mod rates;
mod raw;
mod shedding;
mod tls;

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use shared::testkit::Engine;

use crate::world::World;

async fn world(configure: impl FnOnce(&mut gateway::EdgeSettings)) -> World {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    Box::pin(World::start_as(Engine::Sqlite, assistant, |config| configure(&mut config.edge))).await
}
