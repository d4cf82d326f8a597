//! Analyses and summaries.

use counseling_svc::assistant::{
    Assistant, AssistantError, Excerpt, LONGEST_SUMMARY, ModelNames, ModelSettings, Usage,
};
use counseling_svc::contexts::domain::Context;
use serde_json::{Value, json};
use shared::proto::v1::{AiModel, RiskKind, SleepQuality};

use super::{Act, ModelAssistant, Provider, assistant, settings, user};

pub fn excerpt(message: &str) -> Excerpt {
    Excerpt {
        model: AiModel::Gpt4o,
        summary: Some("Work is hard.".to_owned()),
        utterances: vec![user(message)],
        known: Context::default(),
    }
}

fn told() -> Value {
    json!({
        "impact_domain": "IMPACT_DOMAIN_WORK", "timeframe": null, "emotion_primary": null,
        "emotion_intensity": 6, "valence": "VALENCE_NEGATIVE", "arousal_level": null,
        "perceived_control": null, "motivation_stage": null, "self_efficacy": null,
        "social_support_level": null, "risk_kind": "RISK_KIND_NONE", "risk_severity": 0,
        "sleep_quality": "SLEEP_QUALITY_POOR", "physical_symptoms_present": null, "cognitive_load": null,
        "alliance_strength": null, "consent_to_depth": true
    })
}

fn says(answer: &Value) -> Act {
    let text = answer.to_string();
    let (one, other) = text.split_at(40);
    Act::say(&[one, other])
}

#[tokio::test]
async fn a_model_is_held_to_the_schema_and_fills_in_the_context() {
    let provider = Provider::start([says(&told())]).await;
    let analysis = assistant(&provider).analyze(&excerpt("I can't sleep because of work")).await.unwrap();
    assert_eq!(analysis.context.sleep_quality, Some(SleepQuality::Poor));
    assert_eq!(
        (analysis.context.emotion_intensity, analysis.context.consent_to_depth),
        (Some(6), Some(true))
    );
    assert_eq!(analysis.usage, Usage { input_tokens: 20, output_tokens: 5 });
    let asked = &provider.received()[0].body;
    assert_eq!(asked["response_format"]["json_schema"]["strict"], json!(true));
    assert_eq!(asked["temperature"], json!(0.0));
}

#[tokio::test]
async fn a_model_from_before_schemas_is_told_in_words() {
    let provider = Provider::start([says(&told())]).await;
    let names = ModelNames::default().with(AiModel::Gpt4o, "gpt-4");
    let assistant = ModelAssistant::new(ModelSettings { names, ..settings(&provider) }).unwrap();
    assistant.analyze(&excerpt("I can't sleep")).await.unwrap();
    let asked = &provider.received()[0];
    assert!(asked.body.get("response_format").is_none(), "{}", asked.body);
    assert!(asked.system().contains("sleep_quality (SLEEP_QUALITY_POOR | "), "{}", asked.system());
}

#[tokio::test]
async fn junk_is_mended_once() {
    let mut junk = told();
    junk["emotion_intensity"] = json!(60);
    let provider = Provider::start([says(&junk), says(&told())]).await;
    let analysis = assistant(&provider).analyze(&excerpt("I can't sleep")).await.unwrap();
    assert_eq!(analysis.context.emotion_intensity, Some(6));
    assert_eq!(analysis.usage, Usage { input_tokens: 40, output_tokens: 10 });
    let messages = &provider.received()[1].body["messages"];
    assert_eq!(messages[2]["content"].as_str().unwrap(), junk.to_string());
    let rule = "emotion_intensity: must be a whole number from 0 to 10";
    assert!(messages[3]["content"].as_str().unwrap().contains(rule), "{messages}");
}

#[tokio::test]
async fn junk_that_stays_junk_is_unusable() {
    for junk in [
        "I'm sorry, but I can't fill this in for you, because it is too sad.",
        "{\"mood\": \"violet, and nothing else at all\"}",
    ] {
        let (one, other) = junk.split_at(10);
        let provider = Provider::start([Act::say(&[one, other])]).await;
        let error = assistant(&provider).analyze(&excerpt("I can't sleep")).await.unwrap_err();
        assert!(matches!(&error, AssistantError::Unusable(what) if what.contains("answer")), "{error}");
        assert!(!error.to_string().contains("violet") && !error.to_string().contains("sorry"), "{error}");
        assert_eq!(provider.received().len(), 2, "mending is tried once");
    }
}

#[tokio::test]
async fn a_danger_in_words_is_not_talked_away() {
    let provider = Provider::start([says(&told())]).await;
    let analysis = assistant(&provider).analyze(&excerpt("I want to die")).await.unwrap();
    assert_eq!(
        (analysis.context.risk_kind, analysis.context.risk_severity),
        (Some(RiskKind::SelfHarm), Some(3))
    );
}

#[tokio::test]
async fn a_summary_is_bounded() {
    let provider =
        Provider::start([Act::say(&["Work is hard. "]), Act::say(&["More and more. "; 400])]).await;
    let assistant = assistant(&provider);
    let summary = assistant.summarize(&excerpt("work")).await.unwrap();
    assert_eq!(summary.text, "Work is hard.");
    assert_eq!(summary.usage.input_tokens, 20);
    let long = assistant.summarize(&excerpt("work")).await.unwrap().text;
    assert!(long.chars().count() <= LONGEST_SUMMARY && long.ends_with("More and more."), "{long}");
    assert!(
        provider.received()[0].body["messages"][1]["content"].as_str().unwrap().contains("Work is hard.")
    );
}
