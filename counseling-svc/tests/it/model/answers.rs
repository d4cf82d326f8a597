//! Answers as they should be.

use counseling_svc::assistant::{Assistant, Draft, ModelNames, ModelSettings, Usage};
use serde_json::json;
use shared::health::Health;
use shared::proto::v1::AiModel;

use super::{Act, KEY, ModelAssistant, Provider, assistant, scene, settings, turn};

#[tokio::test]
async fn a_reply_is_told_to_the_draft_and_counted() {
    let provider = Provider::start([Act::say(&["It sounds ", "tiring.", " What weighs most?"])]).await;
    let draft = Draft::default();
    let reply = assistant(&provider).reply(&turn("work was hard"), &draft).await.unwrap();
    assert_eq!(reply.text, "It sounds tiring. What weighs most?");
    assert_eq!(*draft.follow().borrow(), reply.text);
    assert_eq!(reply.usage, Usage { input_tokens: 20, output_tokens: 5 });
    assert!(reply.risk.is_none() && !reply.is_fallback);

    let [asked] = &provider.received()[..] else { panic!("asked once") };
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(asked.body["model"], "gpt-4o");
    assert_eq!(asked.body["stream"], json!(true));
    assert_eq!(asked.body["stream_options"], json!({ "include_usage": true }));
    assert_eq!(asked.body["temperature"], json!(0.7));
    assert_eq!(asked.body["messages"][2], json!({ "role": "user", "content": "work was hard" }));
    assert!(asked.system().contains("Maya") && asked.system().contains("Ask for another view."));
}

#[tokio::test]
async fn words_come_before_the_answer_is_whole() {
    let provider = Provider::start([Act::Stall(super::owned(&["It ", "sounds "]))]).await;
    let (assistant, draft) = (assistant(&provider), Draft::default());
    let mut follower = draft.follow();
    let turn = turn("work was hard");
    tokio::select! {
        _ = assistant.reply(&turn, &draft) => panic!("the answer never becomes whole"),
        seen = follower.wait_for(|text| text == "It sounds ") => drop(seen.unwrap()),
    }
}

#[tokio::test]
async fn a_model_goes_by_the_providers_name_and_is_spared_what_it_refuses() {
    let provider = Provider::start([Act::say(&["Hello."])]).await;
    let names = ModelNames::default().with(AiModel::Gpt4o, "gpt-5-mini");
    let settings = ModelSettings { names, api_key: None, ..settings(&provider) };
    let assistant = ModelAssistant::new(settings).unwrap();
    assistant.reply(&turn("hi"), &Draft::default()).await.unwrap();
    let [asked] = &provider.received()[..] else { panic!("asked once") };
    assert_eq!(asked.body["model"], "gpt-5-mini");
    assert!(asked.body.get("temperature").is_none(), "{}", asked.body);
    assert!(!asked.headers.contains_key("authorization"), "a local server needs no key");
}

#[tokio::test]
async fn a_greeting_is_the_models_own() {
    let provider = Provider::start([Act::say(&["Hello, ", "I'm Maya. "])]).await;
    let greeting = assistant(&provider).greet(&scene()).await.unwrap();
    assert_eq!(greeting.text, "Hello, I'm Maya.");
    assert_eq!(greeting.usage.output_tokens, 5);
    assert!(provider.received()[0].system().contains("Write in English."));
}

#[tokio::test]
async fn calls_tokens_and_durations_can_be_scraped() {
    let address = shared::metrics::serve(([127, 0, 0, 1], 0).into(), &Health::default()).await.unwrap();
    let provider = Provider::start([Act::say(&["Hello."]), Act::fail(400, "invalid_prompt")]).await;
    let names = ModelNames::default().with(AiModel::Gpt4o, "counted");
    let assistant = ModelAssistant::new(ModelSettings { names, ..settings(&provider) }).unwrap();
    assistant.reply(&turn("hi"), &Draft::default()).await.unwrap();
    assistant.reply(&turn("hi"), &Draft::default()).await.unwrap_err();
    let page = scraped(address).await;
    for line in [
        r#"model_calls_total{model="counted",outcome="ok"} 1"#,
        r#"model_calls_total{model="counted",outcome="refused"} 1"#,
        r#"model_tokens_total{model="counted",direction="input"} 20"#,
        r#"model_tokens_total{model="counted",direction="output"} 5"#,
        r#"model_call_seconds_count{model="counted"} 2"#,
        "# TYPE model_circuit_open gauge",
    ] {
        assert!(page.contains(line), "{line} is not in: {page}");
    }
}

async fn scraped(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}
