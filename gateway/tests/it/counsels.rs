//! /v1/counselors/{counselor-id}/counsels

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use counseling_svc::assistant::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, Reply, Scene, Summary, Turn, Usage,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use shared::testkit::eventually;

use crate::world::{Call, World};

/// A model that answers when it is let, and fails when it is told to.
#[derive(Default)]
struct Scripted {
    held: AtomicBool,
    failing: AtomicBool,
    asked: AtomicUsize,
}

impl Assistant for Scripted {
    fn reply<'a>(&'a self, turn: &'a Turn, _: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            while self.held.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if self.failing.load(Ordering::SeqCst) {
                return Err(AssistantError::Unavailable("told to fail".to_owned()));
            }
            Ok(Reply::plain(format!("I hear: {}", turn.message)))
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

shared::on_each_engine! {
    async fn of_two_messages_at_once_one_is_answered_and_the_other_refused(engine: Engine) {
        let model = Arc::new(Scripted::default());
        let world = Box::pin(World::start_with(engine, model.clone())).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        model.held.store(true, Ordering::SeqCst);
        let first = world.say(&token, &messages, "first");
        let second = async {
            eventually("the first is being answered", async || model.asked.load(Ordering::SeqCst) == 1).await;
            let refused = world.say(&token, &messages, "second").await;
            model.held.store(false, Ordering::SeqCst);
            refused
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first.expect(201).text("/counselorResponseMessage/message"), "I hear: first");
        assert_eq!((second.status, second.code()), (429, "E42901"));
        assert_eq!(second.headers["retry-after"], "1");
        world.say(&token, &messages, "third").await.expect(201);
        eventually("two tokens are settled, none is held", async || {
            let tokens = world.tokens(&user_id).await;
            (tokens.used, tokens.reserved) == (2, 0)
        })
        .await;
        let listed = world.send(Call::get(&messages).by(&token)).await.expect(200);
        assert!(!listed.body.to_string().contains("second"), "the refused message left no trace");
    }

    async fn a_failed_answer_costs_nothing(engine: Engine) {
        let model = Arc::new(Scripted::default());
        let world = Box::pin(World::start_with(engine, model.clone())).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        model.failing.store(true, Ordering::SeqCst);
        let failed = world.say(&token, &messages, "hello?").await;
        assert_eq!((failed.status, failed.code()), (503, "E50301"));
        assert!(failed.headers.contains_key("retry-after"));
        eventually("the token is back", async || {
            let tokens = world.tokens(&user_id).await;
            (tokens.used, tokens.reserved) == (0, 0)
        })
        .await;
        model.failing.store(false, Ordering::SeqCst);
        world.say(&token, &messages, "hello again").await.expect(201);
    }

    async fn a_counsel_opens_with_the_answer_to_a_bubble(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let counselor = world.counselor(&token).await;
        let path = format!("/v1/counselors/{counselor}/bubbles");
        let bubbles = world.send(Call::get(path).by(&token)).await.expect(200);
        let bubble = &bubbles.list("bubbles")[0];
        let counsels = format!("/v1/counselors/{counselor}/counsels");
        let body = json!({ "bubbleId": bubble["id"], "responseOptionNo": 2 });
        let opened = world.send(Call::post(&counsels, &body).by(&token)).await.expect(201);
        let messages = opened.list("counselMessages");
        assert_eq!(messages.len(), 3);
        assert_eq!(messages[0]["message"], bubble["question"]);
        assert_eq!(messages[1]["message"], bubble["responseOption2"]);
        assert_eq!(messages[1]["isUserMessage"], true);
        assert_eq!(messages[2]["message"], opened.body["data"]["counsel"]["lastMessage"]);

        for (body, detail) in [
            (json!({ "bubbleId": bubble["id"] }), "responseOptionNo: is required with bubbleId"),
            (json!({ "responseOptionNo": 1 }), "bubbleId: is required with responseOptionNo"),
        ] {
            let refused = world.send(Call::post(&counsels, &body).by(&token)).await;
            assert_eq!((refused.status, refused.details()), (400, vec![detail]));
        }
        let version = json!({ "promptVersionId": opened.body["data"]["counsel"]["promptVersionId"] });
        let refused = world.send(Call::post(&counsels, &version).by(&token)).await;
        assert_eq!((refused.status, refused.code()), (403, "E40301"));
    }

    async fn counsels_are_the_callers_own_newest_first(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (token, stranger) = (world.guest().await, world.guest().await);
        let (older, newer) = (world.counsel(&token).await, world.counsel(&token).await);
        world.say(&token, &older, "talking in it does not make it newer").await.expect(201);
        let all = world.send(Call::get("/v1/counselors/all/counsels").by(&token)).await.expect(200);
        let ids: Vec<_> = all.list("counsels").iter().map(|counsel| counsel["id"].as_str().unwrap()).collect();
        let id = |messages: &str| messages.split('/').nth(5).unwrap().to_owned();
        assert_eq!(ids, [id(&newer), id(&older)]);

        let none = world.send(Call::get("/v1/counselors/all/counsels").by(&stranger)).await.expect(200);
        assert!(none.list("counsels").is_empty());
        let counsel = older.trim_end_matches("/messages").to_owned();
        let said = world.send(Call::get(&older).by(&token)).await.expect(200);
        let message = said.list("counselMessages")[0]["id"].as_str().unwrap();
        let react = format!("{older}/{message}/react");
        let like = json!({ "reaction": "COUNSEL_MESSAGE_REACTION_LIKE" });
        for call in [
            Call::get(&counsel),
            Call::get(&older),
            Call::post(&older, &json!({ "message": "let me in" })),
            Call::post(&react, &like),
        ] {
            let refused = world.send(call.by(&stranger)).await;
            assert_eq!((refused.status, refused.code()), (404, "E40401"));
        }
    }

    async fn a_reaction_replaces_the_one_before(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let messages = world.counsel(&token).await;
        let said = world.say(&token, &messages, "thank you for listening").await.expect(201);
        let path = |pointer: &str| format!("{messages}/{}/react", said.text(pointer));
        let react = |pointer: &str, reaction: &str| Call::post(path(pointer), &json!({ "reaction": reaction })).by(&token);
        let reply = "/counselorResponseMessage/id";
        let liked = world.send(react(reply, "COUNSEL_MESSAGE_REACTION_LIKE")).await.expect(200);
        assert!(liked.text("/counselMessage/reactedAt").ends_with('Z'));
        let disliked = world.send(react(reply, "COUNSEL_MESSAGE_REACTION_DISLIKE")).await.expect(200);
        assert_eq!(disliked.text("/counselMessage/reaction"), "COUNSEL_MESSAGE_REACTION_DISLIKE");
        let own = world.send(react("/createdCounselMessage/id", "COUNSEL_MESSAGE_REACTION_LIKE")).await;
        assert_eq!((own.status, own.code()), (400, "E40001"));
        let unknown = world.send(react(reply, "LOVE")).await;
        assert_eq!((unknown.status, unknown.code()), (400, "HTTP_INVALID_INPUT"));
    }
}
