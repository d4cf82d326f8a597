//! Answers that fail, and what is tried before that is said.

use std::time::{Duration, Instant, SystemTime};

use counseling_svc::assistant::{Assistant, AssistantError, Draft, ModelSettings, Reply};
use serde_json::json;

use super::{Act, ModelAssistant, Provider, assistant, owned, settings, turn};

/// The outcome of one turn, how often the provider was asked, and what is left in the draft.
async fn outcome(acts: impl IntoIterator<Item = Act>) -> (Result<Reply, AssistantError>, usize, String) {
    let provider = Provider::start(acts).await;
    let draft = Draft::default();
    let result = assistant(&provider).reply(&turn("work was hard"), &draft).await;
    let left = draft.follow().borrow().clone();
    (result, provider.received().len(), left)
}

async fn error(acts: impl IntoIterator<Item = Act>) -> (AssistantError, usize) {
    let (result, asked, left) = outcome(acts).await;
    assert_eq!(left, "", "nothing of a failed answer stays in the draft");
    (result.unwrap_err(), asked)
}

fn unavailable(what: &str) -> AssistantError {
    AssistantError::Unavailable(what.to_owned())
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let fine = Act::say(&["Fine."]);
    for failure in [
        Act::fail(500, "server_error"),
        Act::fail(503, "overloaded"),
        Act::too_many("x-other", "1"),
        Act::Break(owned(&["Half an ans"])),
        Act::Stop(owned(&["Half an ans"])),
        Act::Raw("data: {\"choices\": [{\"delta\": {\"conte\n\n"),
        Act::Raw("data: {\"error\": {\"message\": \"secret\", \"type\": \"server_error\"}}\n\n"),
    ] {
        let (result, asked, left) = outcome([failure.clone(), failure.clone(), fine.clone()]).await;
        assert_eq!((result.unwrap().text.as_str(), asked), ("Fine.", 3), "{failure:?}");
        assert_eq!(left, "Fine.", "{failure:?}");
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_half_an_answer_is_none() {
    assert_eq!(error([Act::fail(500, "server_error")]).await, (unavailable("500 server_error"), 3));
    assert_eq!(error([Act::Break(owned(&["Half"]))]).await, (unavailable("the stream broke"), 3));
    assert_eq!(error([Act::Stop(owned(&["Half"]))]).await, (unavailable("the stream ended too early"), 3));
    let junk = Act::Raw("data: <html>\n\n");
    assert_eq!(error([junk]).await, (unavailable("the stream holds something else than JSON"), 3));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let provider = Provider::start([Act::Hang]).await;
    let settings =
        ModelSettings { base_url: "http://127.0.0.1:9/v1".parse().unwrap(), ..settings(&provider) };
    let assistant = ModelAssistant::new(settings).unwrap();
    let result = assistant.reply(&turn("hi"), &Draft::default()).await;
    assert_eq!(result.unwrap_err(), unavailable("no connection"));
}

#[tokio::test]
async fn the_provider_says_how_long_to_wait() {
    // A date has whole seconds.
    let soon = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    for (header, value, least) in [
        ("retry-after", soon(), 900),
        ("retry-after", "1".to_owned(), 1000),
        ("retry-after-ms", "300".to_owned(), 300),
    ] {
        let began = Instant::now();
        let (result, asked, _) = outcome([Act::too_many(header, value), Act::say(&["Fine."])]).await;
        assert_eq!((result.unwrap().text.as_str(), asked), ("Fine.", 2));
        let waited = began.elapsed();
        assert!(
            waited >= Duration::from_millis(least) && waited < Duration::from_secs(5),
            "{header}: {waited:?}"
        );
    }
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let began = Instant::now();
    let expected = (unavailable("429 rate_limit_exceeded"), 1);
    assert_eq!(error([Act::too_many("retry-after", "60")]).await, expected);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_deadline_stands_above_everything() {
    for act in [Act::Hang, Act::Stall(owned(&["It sou"]))] {
        let provider = Provider::start([act.clone()]).await;
        let settings = ModelSettings { deadline: Duration::from_millis(300), ..settings(&provider) };
        let (assistant, draft) = (ModelAssistant::new(settings).unwrap(), Draft::default());
        let began = Instant::now();
        let result = assistant.reply(&turn("hi"), &draft).await;
        assert_eq!(result.unwrap_err(), AssistantError::Timeout, "{act:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(*draft.follow().borrow(), "", "{act:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let filtered = json!({ "type": "invalid_request_error", "code": "content_filter" });
    let refused = |what: &str| (AssistantError::Refused(what.to_owned()), 1);
    let acts = [
        (Act::Fail(400, Vec::new(), filtered), "400 content_filter"),
        (Act::End(owned(&["I"]), "content_filter"), "content_filter"),
        (Act::Raw("data: {\"choices\":[{\"delta\":{\"refusal\":\"I can't\"}}]}\n\n"), "the model refused"),
    ];
    for (act, what) in acts {
        assert_eq!(error([act]).await, refused(what));
    }
}

#[tokio::test]
async fn what_somebody_has_to_mend_is_not_asked_again() {
    let quota = json!({ "type": "insufficient_quota", "code": "insufficient_quota" });
    for (act, what) in [
        (Act::fail(401, "invalid_api_key"), "401 invalid_api_key"),
        (Act::fail(404, "model_not_found"), "404 model_not_found"),
        (Act::Fail(429, Vec::new(), quota), "429 insufficient_quota"),
        (Act::Fail(302, vec![("location", "http://elsewhere/".to_owned())], json!({})), "302"),
    ] {
        assert_eq!(error([act]).await, (unavailable(what), 1));
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_unusable() {
    let unusable = |what: &str| (AssistantError::Unusable(what.to_owned()), 1);
    assert_eq!(error([Act::End(owned(&["Half an"]), "length")]).await, unusable("it was cut off"));
    assert_eq!(error([Act::say(&[" "])]).await.0, unusable("it is empty").0);
    assert_eq!(error([Act::Body("text/html", "<html>")]).await, unusable("it is no stream"));
    let endless = Act::Say(vec!["very ".repeat(2000); 20]);
    assert_eq!(error([endless]).await, unusable("it does not end"));
}
