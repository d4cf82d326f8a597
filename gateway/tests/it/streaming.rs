//! POST …/messages with `Accept: text/event-stream`.

use std::sync::Arc;
use std::time::Duration;

use counseling_svc::assistant::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, Reply, Scene, Summary, Turn, Usage,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Method;
use serde_json::{Value, json};
use shared::testkit::{Engine, eventually};
use tokio::sync::{Mutex, mpsc};

use crate::world::{Call, World};

pub enum Step {
    Say(&'static str),
    Restart,
    End,
    Fail,
}

/// A model that says what it is told, when it is told.
pub struct Told(Mutex<mpsc::UnboundedReceiver<Step>>);

pub fn told() -> (mpsc::UnboundedSender<Step>, Arc<Told>) {
    let (tell, steps) = mpsc::unbounded_channel();
    (tell, Arc::new(Told(Mutex::new(steps))))
}

impl Assistant for Told {
    fn reply<'a>(&'a self, _: &'a Turn, draft: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        async move {
            let mut text = String::new();
            loop {
                match self.0.lock().await.recv().await.unwrap() {
                    Step::Say(delta) => {
                        text.push_str(delta);
                        draft.push(delta);
                    }
                    Step::Restart => {
                        text.clear();
                        draft.clear();
                    }
                    Step::End => return Ok(Reply::plain(text)),
                    Step::Fail => return Err(AssistantError::Unavailable("told to fail".to_owned())),
                }
            }
        }
        .boxed()
    }

    fn greet<'a>(&'a self, _: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        async { Ok(Reply::plain("hello")) }.boxed()
    }

    fn analyze<'a>(&'a self, _: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>> {
        async { Ok(Analysis::default()) }.boxed()
    }

    fn summarize<'a>(&'a self, _: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>> {
        async { Ok(Summary { text: "in short".to_owned(), usage: Usage::default() }) }.boxed()
    }
}

fn say(messages: &str, token: &str) -> Call {
    Call::post(messages, &json!({ "message": "talk to me" })).by(token)
}

async fn settles(world: &World, user_id: &str, used: i32) {
    eventually("the token is settled", async || {
        let tokens = world.tokens(user_id).await;
        (tokens.used, tokens.reserved) == (used, 0)
    })
    .await;
}

async fn last(world: &World, messages: &str, token: &str) -> Value {
    let newest = world.send(Call::get(format!("{messages}?order=desc&limit=1")).by(token)).await.expect(200);
    newest.list("counselMessages")[0].clone()
}

shared::on_each_engine! {
    async fn a_reply_is_told_while_it_is_said(engine: Engine) {
        let (tell, model) = told();
        let world = Box::pin(World::start_with(engine, model)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        // A compressed stream would come in large pieces.
        let call = say(&messages, &token).header("accept-encoding", "gzip").header("idempotency-key", "k");
        let mut reply = world.open(call).await;
        assert_eq!(reply.header("content-encoding"), None);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-accel-buffering"), Some("no"));
        assert!(reply.header("x-request-id").is_some());
        for delta in ["요즘 ", "어떠세요?\n", "😀"] {
            tell.send(Step::Say(delta)).unwrap();
            assert_eq!(reply.expect("delta").await.data, json!({ "text": delta }));
        }
        tell.send(Step::Restart).unwrap();
        assert_eq!(reply.expect("restart").await.data, json!({}));
        tell.send(Step::Say("once more")).unwrap();
        assert_eq!(reply.expect("delta").await.data, json!({ "text": "once more" }));
        tell.send(Step::End).unwrap();
        let answer = reply.expect("message").await.data;
        assert!(reply.next().await.is_none());
        assert_eq!(answer["data"]["counselorResponseMessage"]["message"], "once more");
        assert_eq!(answer["data"]["createdCounselMessage"]["message"], "talk to me");
        settles(&world, &user_id, 1).await;

        // A repeat is answered at once, as events or as one answer, and spends nothing.
        let mut repeat = world.open(say(&messages, &token).header("idempotency-key", "k")).await;
        assert_eq!(repeat.expect("message").await.data["data"], answer["data"]);
        assert!(repeat.next().await.is_none());
        let plain = world.send(say(&messages, &token).header("idempotency-key", "k")).await.expect(201);
        assert_eq!((&plain.body["data"], &plain.body["message"]), (&answer["data"], &answer["message"]));
        settles(&world, &user_id, 1).await;
        let other = Call::post(&messages, &json!({ "message": "another" })).by(&token);
        let other = other.header("idempotency-key", "k").header("accept", "text/event-stream");
        let refused = world.send(other).await;
        assert_eq!((refused.status, refused.code()), (409, "E40901"));
    }

    async fn a_client_that_goes_away_loses_nothing(engine: Engine) {
        let (tell, model) = told();
        let world = Box::pin(World::start_with(engine, model)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        let mut reply = world.open(say(&messages, &token)).await;
        tell.send(Step::Say("I will ")).unwrap();
        reply.expect("delta").await;
        drop(reply);
        // It is still the counselor's turn.
        let refused = world.send(say(&messages, &token).header("accept", "text/event-stream")).await;
        assert_eq!((refused.status, refused.code()), (429, "E42901"));
        tell.send(Step::Say("go on")).unwrap();
        tell.send(Step::End).unwrap();
        eventually("the reply is kept", async || {
            last(&world, &messages, &token).await["message"] == "I will go on"
        })
        .await;
        settles(&world, &user_id, 1).await;
    }

    async fn a_reply_that_breaks_off_ends_with_its_error_and_costs_nothing(engine: Engine) {
        let (tell, model) = told();
        let world = Box::pin(World::start_with(engine, model)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        let mut reply = world.open(say(&messages, &token)).await;
        tell.send(Step::Say("Let me")).unwrap();
        reply.expect("delta").await;
        tell.send(Step::Fail).unwrap();
        let error = reply.expect("error").await.data;
        assert_eq!((&error["status"], &error["code"]), (&json!("SERVICE_UNAVAILABLE"), &json!("E50301")));
        assert!(reply.next().await.is_none());
        settles(&world, &user_id, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_before_the_reply_begins_is_an_ordinary_answer() {
    let (tell, model) = told();
    let world = Box::pin(World::start_with(Engine::Sqlite, model)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let messages = world.counsel(&token).await;
    let elsewhere = messages.replace(messages.split('/').nth(5).unwrap(), &shared::id::new_id());
    let streamed = |call: Call| world.send(call.header("accept", "text/event-stream"));
    let unknown = streamed(say(&elsewhere, &token)).await;
    assert_eq!((unknown.status, unknown.code()), (404, "E40401"));
    assert_eq!(world.tokens(&user_id).await.reserved, 0, "the token is back");
    let empty = streamed(Call::post(&messages, &json!({ "message": "" })).by(&token)).await;
    assert_eq!((empty.status, empty.code()), (400, "HTTP_INVALID_INPUT"));
    let nobody = streamed(Call::new(Method::POST, &messages)).await;
    assert_eq!((nobody.status, nobody.code()), (401, "COOKIE_NOT_FOUND"));
    for _ in 0..7 {
        tell.send(Step::Say("hm")).unwrap();
        tell.send(Step::End).unwrap();
        let mut reply = world.open(say(&messages, &token)).await;
        while reply.next().await.is_some() {}
    }
    let spent = streamed(say(&messages, &token)).await;
    assert_eq!((spent.status, spent.code()), (403, "NO_REMAINING_TOKENS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_reply_shows_that_it_lives_and_ends_at_its_deadline() {
    let (tell, model) = told();
    let world = Box::pin(World::start_as(Engine::Sqlite, model, |config| {
        config.keep_alive = Duration::from_millis(200);
        config.request_timeout = Duration::from_secs(2);
    }))
    .await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let messages = world.counsel(&token).await;
    let mut reply = world.open(say(&messages, &token)).await;
    reply.comment().await;
    reply.comment().await;
    tell.send(Step::Say("still here")).unwrap();
    assert_eq!(reply.expect("delta").await.data["text"], "still here");
    let error = reply.expect("error").await.data;
    assert_eq!(error["code"], "E50401");
    assert!(reply.next().await.is_none());
    // The reply comes too late for its listener, but it comes.
    tell.send(Step::End).unwrap();
    eventually("the reply is kept", async || {
        last(&world, &messages, &token).await["message"] == "still here"
    })
    .await;
    settles(&world, &user_id, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_lets_replies_end() {
    let (tell, model) = told();
    let world = Box::pin(World::start_with(Engine::Sqlite, model)).await;
    let gateway = world.another_gateway(|_| {}).await;
    let base = format!("http://{}", gateway.address);
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    let mut reply = world.open_at(&base, say(&messages, &token)).await;
    tell.send(Step::Say("before ")).unwrap();
    reply.expect("delta").await;
    let stopping = tokio::spawn(gateway.stop());
    eventually("it accepts nobody", async || reqwest::get(format!("{base}/livez")).await.is_err()).await;
    tell.send(Step::Say("and after")).unwrap();
    assert_eq!(reply.expect("delta").await.data["text"], "and after");
    tell.send(Step::End).unwrap();
    reply.expect("message").await;
    assert!(reply.next().await.is_none());
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_told_the_technique() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let messages = world.counsel(&admin).await;
    let mut answers = Vec::new();
    for path in [&messages, &messages.replacen("/v1/", "/v1/admin/", 1)] {
        let mut reply = world.open(say(path, &admin)).await;
        let mut text = String::new();
        let answer = loop {
            let event = reply.next().await.unwrap();
            match event.name.as_str() {
                "delta" => text.push_str(event.data["text"].as_str().unwrap()),
                _ => break event.data,
            }
        };
        assert_eq!(answer["data"]["counselorResponseMessage"]["message"], text);
        answers.push(answer);
    }
    assert!(answers[0]["data"]["counselorResponseMessage"].get("counselTechniqueId").is_none());
    assert!(answers[1]["data"]["counselorResponseMessage"]["counselTechniqueId"].is_string());
}
