//! What is too much for a service.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use reqwest::Method;
use shared::testkit::Engine;

use crate::world::{Call, World};

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_when_a_service_is_busy_is_told_when_to_come_again() {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let busy = |config: &mut gateway::Config| config.upstream.concurrency = 0;
    let world = Box::pin(World::start_as(Engine::Sqlite, assistant, busy)).await;
    let call = Call::new(Method::POST, "/v1/auth/initiate").header("origin", "https://app.example");
    let reply = world.send(call).await;
    assert_eq!((reply.status, reply.code()), (503, "E50301"), "{}", reply.body);
    assert_eq!(reply.body["message"], "user-svc is overloaded: 0 calls are in flight");
    assert_eq!(reply.headers["retry-after"], "2");
    // A refusal goes through the whole stack.
    assert!(reply.headers.contains_key("x-request-id"));
    assert_eq!(reply.headers["access-control-allow-origin"], "https://app.example");
    assert_eq!(reply.headers["cache-control"], "no-store");
}
