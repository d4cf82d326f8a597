//! Who may call what.

use shared::testkit::{Engine, NatsServer, TestDatabase, check_authority, service_config};
use shared::time::Clock;

#[tokio::test]
async fn every_method_keeps_out_whom_its_rule_does_not_name() {
    let (nats, database) = (NatsServer::start().await, TestDatabase::new(Engine::Sqlite).await);
    let config = service_config("payment-svc", &nats, &database);
    let service = payment_svc::start(config, Clock::system()).await.unwrap();
    check_authority(service.address, "payment-svc", payment_svc::RULES).await;
    service.stop().await;
}
