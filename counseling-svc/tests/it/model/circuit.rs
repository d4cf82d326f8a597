//! Models that fail again and again are left alone for a while.

use std::time::{Duration, Instant};

use counseling_svc::assistant::model::CircuitSettings;
use counseling_svc::assistant::{
    Assistant, AssistantError, Draft, ModelSettings, Protocol, Risk, RiskKind, Turn,
};
use shared::testkit::eventually;

use super::understanding::excerpt;
use super::{Act, ModelAssistant, Provider, scene, settings, turn};

/// An assistant whose circuit has just opened.
async fn open(cool_down: Duration) -> (Provider, ModelAssistant) {
    let provider = Provider::start([Act::fail(500, "server_error")]).await;
    let circuit = CircuitSettings { failures: 3, cool_down };
    let assistant = ModelAssistant::new(ModelSettings { circuit, ..settings(&provider) }).unwrap();
    assistant.reply(&turn("hi"), &Draft::default()).await.unwrap_err();
    assert_eq!(provider.received().len(), 3);
    (provider, assistant)
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn while_it_is_open_users_hear_an_honest_word_at_once() {
    let (provider, assistant) = open(LONG).await;
    for (message, expected) in
        [("work was hard", "Your message reached me"), ("회사에서 힘들었어요", "말씀은 잘 전해졌는데")]
    {
        let draft = Draft::default();
        let began = Instant::now();
        let reply = assistant.reply(&turn(message), &draft).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!(reply.is_fallback && reply.text.contains(expected), "{}", reply.text);
        assert_eq!(*draft.follow().borrow(), reply.text);
        assert_eq!(reply.risk, None);
    }
    assert_eq!(provider.received().len(), 3, "nobody is asked meanwhile");
}

#[tokio::test]
async fn while_it_is_open_somebody_in_danger_gets_care() {
    let (_provider, assistant) = open(LONG).await;
    let reply = assistant.reply(&turn("죽고 싶어요"), &Draft::default()).await.unwrap();
    assert!(reply.is_fallback && reply.text.contains("109") && reply.text.contains('?'), "{}", reply.text);
    assert_eq!(reply.risk, Some(Risk { kind: RiskKind::SelfHarm, severity: 3 }));

    let protocol = Protocol::Safety(Risk { kind: RiskKind::Abuse, severity: 4 });
    let led = Turn { protocol, ..turn("I had lunch") };
    let reply = assistant.reply(&led, &Draft::default()).await.unwrap();
    assert!(reply.is_fallback && reply.text.contains("1-800-799-7233"), "{}", reply.text);
    assert_eq!(reply.risk, None);
}

#[tokio::test]
async fn while_it_is_open_everything_else_is_unavailable() {
    let (_provider, assistant) = open(LONG).await;
    let unavailable = AssistantError::Unavailable("the circuit is open".to_owned());
    assert_eq!(assistant.greet(&scene()).await.unwrap_err(), unavailable);
    assert_eq!(assistant.analyze(&excerpt("hi")).await.unwrap_err(), unavailable);
    assert_eq!(assistant.summarize(&excerpt("hi")).await.unwrap_err(), unavailable);
}

#[tokio::test]
async fn it_closes_again_when_a_model_answers() {
    let (provider, assistant) = open(Duration::from_millis(50)).await;
    provider.act([Act::say(&["Fine."])]);
    eventually("the circuit closes", async || {
        let reply = assistant.reply(&turn("hi"), &Draft::default()).await.unwrap();
        !reply.is_fallback && reply.text == "Fine."
    })
    .await;
}

#[tokio::test]
async fn a_refusal_does_not_open_it() {
    let provider = Provider::start([Act::fail(400, "invalid_prompt")]).await;
    let circuit = CircuitSettings { failures: 2, cool_down: LONG };
    let assistant = ModelAssistant::new(ModelSettings { circuit, ..settings(&provider) }).unwrap();
    for _ in 0..5 {
        let error = assistant.reply(&turn("hi"), &Draft::default()).await.unwrap_err();
        assert_eq!(error, AssistantError::Refused("400 invalid_prompt".to_owned()));
    }
}
