//! `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use counseling_svc::assistant::OfflineAssistant;
use serde_json::{Value, json};
use shared::testkit::{Engine, eventually};

use crate::world::{Call, Reply, World};

fn keyed(path: &str, body: &Value, token: &str, key: &str) -> Call {
    Call::post(path, body).by(token).header("idempotency-key", key)
}

fn refused(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (409, "E40901"), "{}", reply.body);
    assert!(reply.body["message"].as_str().unwrap().contains("Idempotency-Key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_request_of_one_user() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (token, stranger) = (world.guest().await, world.guest().await);
    let counselors = world.send(Call::get("/v1/counselors").by(&token)).await.expect(200);
    let id = |at: usize| counselors.list("counselors")[at]["id"].as_str().unwrap().to_owned();
    let counsels = |counselor: String| format!("/v1/counselors/{counselor}/counsels");
    let (first, second) = (counsels(id(0)), counsels(id(1)));

    let opened = world.send(keyed(&first, &json!({}), &token, "k")).await.expect(201);
    // What is left out and what is null are the same; what the body does not know does not count.
    let same = json!({ "bubbleId": null, "unknown": 1 });
    let again = world.send(keyed(&first, &same, &token, "k")).await.expect(201);
    assert_eq!(again.body["data"], opened.body["data"]);
    refused(&world.send(keyed(&second, &json!({}), &token, "k")).await);
    let bubbles =
        world.send(Call::get(format!("/v1/counselors/{}/bubbles", id(0))).by(&token)).await.expect(200);
    let with_bubble = json!({ "bubbleId": bubbles.list("bubbles")[0]["id"], "responseOptionNo": 1 });
    refused(&world.send(keyed(&first, &with_bubble, &token, "k")).await);
    let theirs = world.send(keyed(&first, &json!({}), &stranger, "k")).await.expect(201);
    assert_ne!(theirs.text("/counsel/id"), opened.text("/counsel/id"));

    // Another route has keys of its own.
    let messages = format!("{first}/{}/messages", opened.text("/counsel/id"));
    let hello = json!({ "message": "hello" });
    let said = world.send(keyed(&messages, &hello, &token, "k")).await.expect(201);
    refused(&world.send(keyed(&messages, &json!({ "message": "bye" }), &token, "k")).await);
    let elsewhere = world.send(Call::post(&first, &json!({})).by(&token)).await.expect(201);
    let elsewhere = format!("{first}/{}/messages", elsewhere.text("/counsel/id"));
    refused(&world.send(keyed(&elsewhere, &hello, &token, "k")).await);
    let again = world.send(keyed(&messages, &hello, &token, "k")).await.expect(201);
    assert_eq!(again.body["data"], said.body["data"]);
    let listed = world.send(Call::get(&messages).by(&token)).await.expect(200);
    assert_eq!(listed.list("counselMessages").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admins_write_into_the_draft_has_keys_as_well() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let tones = world.send(Call::get("/v1/admin/tones").by(&admin)).await.expect(200);
    let technique = |name: &str| {
        json!({
            "name": name,
            "toneId": tones.list("tones")[0]["id"],
            "context": "at first",
            "instruction": "listen",
            "messageThreshold": 3,
            "temperature": 0.5,
        })
    };
    let techniques = "/v1/admin/prompt-versions/temporary-version/counsel-techniques";
    let first = world.send(keyed(techniques, &technique("first"), &admin, "k")).await.expect(201);
    let again = world.send(keyed(techniques, &technique("first"), &admin, "k")).await.expect(201);
    assert_eq!(again.body["data"], first.body["data"]);
    refused(&world.send(keyed(techniques, &technique("second"), &admin, "k")).await);

    let second = world.send(keyed(techniques, &technique("second"), &admin, "l")).await.expect(201);
    let rule = |priority: i32| {
        json!({
            "promptVersionId": first.text("/counselTechnique/promptVersionId"),
            "fromCounselTechniqueId": first.text("/counselTechnique/id"),
            "toCounselTechniqueId": second.text("/counselTechnique/id"),
            "priority": priority,
            "requiredValences": ["VALENCE_NEGATIVE"],
        })
    };
    let rules = "/v1/admin/counsel-techniques/transition-rules";
    let made = world.send(keyed(rules, &rule(1), &admin, "k")).await.expect(200);
    let again = world.send(keyed(rules, &rule(1), &admin, "k")).await.expect(200);
    assert_eq!(again.body["data"], made.body["data"]);
    refused(&world.send(keyed(rules, &rule(2), &admin, "k")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_with_one_key_all_open_the_same_counsel() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
    let body = json!({});
    let calls = (0..6).map(|_| world.send(keyed(&counsels, &body, &token, "at-once")));
    let replies = futures::future::join_all(calls).await;
    let ids: Vec<_> = replies.into_iter().map(|reply| reply.expect(201).text("/counsel/id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let listed = world.send(Call::get(&counsels).by(&token)).await.expect(200);
    assert_eq!(listed.list("counsels").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_with_one_key_the_message_is_said_once() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let messages = world.counsel(&token).await;
    let body = json!({ "message": "only once, please" });
    let say = || world.send(keyed(&messages, &body, &token, "at-once"));
    let (one, other) = tokio::join!(say(), say());
    for reply in [&one, &other] {
        assert!(reply.status == 201 || (reply.status, reply.code()) == (429, "E42901"), "{}", reply.body);
    }
    let settled = say().await.expect(201);
    for reply in [one, other].iter().filter(|reply| reply.status == 201) {
        assert_eq!(reply.body["data"], settled.body["data"]);
    }
    eventually("one token is settled", async || {
        let tokens = world.tokens(&user_id).await;
        (tokens.used, tokens.reserved) == (1, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outlives_the_broker_and_is_refused_while_it_is_away() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    let body = json!({ "message": "hello" });
    let said = world.send(keyed(&messages, &body, &token, "k")).await.expect(201);

    world.nats.kill();
    eventually("the broker is missed", async || {
        let away = world.send(keyed(&messages, &body, &token, "k")).await;
        (away.status, away.code()) == (503, "E50301") && away.headers.contains_key("retry-after")
    })
    .await;
    // Who sends no key does not need the broker.
    world.say(&token, &messages, "without a key").await.expect(201);

    world.nats.resume().await;
    eventually("the broker is back", async || {
        world.send(keyed(&messages, &body, &token, "k")).await.status != 503
    })
    .await;
    let again = world.send(keyed(&messages, &body, &token, "k")).await.expect(201);
    assert_eq!(again.body["data"], said.body["data"]);
    refused(&world.send(keyed(&messages, &json!({ "message": "other" }), &token, "k")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_and_one_that_is_deleted_is_new() {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let world = Box::pin(World::start_as(Engine::Sqlite, assistant, |config| {
        config.idempotency.keep = Duration::from_secs(3);
    }))
    .await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    let say = |text: &str, key: &str| world.send(keyed(&messages, &json!({ "message": text }), &token, key));
    say("one", "k").await.expect(201);
    refused(&say("two", "k").await);
    eventually("the key expires", async || say("two", "k").await.status == 201).await;
    refused(&say("three", "k").await);

    let bucket = world.nats.connect().await.jetstream.get_key_value("idempotency").await.unwrap();
    let stored: Vec<String> = futures::TryStreamExt::try_collect(bucket.keys().await.unwrap()).await.unwrap();
    assert_eq!(stored.len(), 1);
    let value = bucket.get(&stored[0]).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&value).contains("two"), "the bucket knows no texts");
    bucket.delete(&stored[0]).await.unwrap();
    say("three", "k").await.expect(201);
    refused(&say("four", "k").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_bucket_is_made_again() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    world.nats.connect().await.jetstream.delete_key_value("idempotency").await.unwrap();
    let body = json!({ "message": "hello" });
    let said = world.send(keyed(&messages, &body, &token, "k")).await.expect(201);
    let again = world.send(keyed(&messages, &body, &token, "k")).await.expect(201);
    assert_eq!(again.body["data"], said.body["data"]);
}
