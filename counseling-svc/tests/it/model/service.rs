//! The service with a model behind it.

use counseling_svc::{AssistantConfig, CounselingConfig};
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::ListCounselorsRequest;
use shared::testkit::{Engine, NatsServer, TestDatabase, caller, service_config};
use shared::time::Clock;

use super::{Act, Provider, settings};
use crate::world::Calls;

#[tokio::test]
async fn a_service_that_is_configured_with_a_model_answers_with_it() {
    let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(Engine::Sqlite));
    let provider = Provider::start([Act::say(&["Hello from ", "the model."])]).await;
    let assistant = AssistantConfig::Model(settings(&provider));
    let config = CounselingConfig { assistant, ..service_config("counseling-svc", &nats, &file).into() };
    let running = Box::pin(counseling_svc::start(config, Clock::system())).await.unwrap();

    let (calls, user) = (Calls::to(&running), new_id());
    let request = caller(Caller::User(user.clone()), ListCounselorsRequest::default());
    let counselors = calls.counselors().list_counselors(request).await.unwrap().into_inner().counselors;
    let counsel = calls.greeted(&user, &counselors[0].id).await;
    let pair = calls.tell(&counsel, "회사에서 힘들었어요").await;
    assert_eq!(pair.reply.message, "Hello from the model.");
    let asked = &provider.received()[1];
    assert_eq!(asked.body["model"], "gpt-4o-mini");
    assert!(asked.system().contains(&counselors[0].name), "{}", asked.system());
    running.stop().await;
}
