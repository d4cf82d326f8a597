//! Who may call what.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use shared::testkit::{Engine, NatsServer, TestDatabase, check_authority, service_config};
use shared::time::Clock;

#[tokio::test]
async fn every_method_keeps_out_whom_its_rule_does_not_name() {
    let (nats, database) = (NatsServer::start().await, TestDatabase::new(Engine::Sqlite).await);
    let config = service_config("counseling-svc", &nats, &database);
    let service = Box::pin(counseling_svc::start_with(
        config,
        Clock::system(),
        Arc::new(OfflineAssistant::new().unwrap()),
    ))
    .await
    .unwrap();
    check_authority(service.address, "counseling-svc", counseling_svc::RULES).await;
    service.stop().await;
}
