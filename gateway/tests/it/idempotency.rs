//! `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use counseling_svc::assistant::OfflineAssistant;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use shared::hash::sha256_hex;
use shared::service::ServiceConfig;
use shared::testkit::{Engine, eventually};

use crate::orders::{create, pack};
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
async fn of_two_gateways_at_once_each_opens_the_counsel_of_the_key() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let other = Box::pin(world.another_gateway(|_| {})).await;
    let bases = [world.address(), other.address].map(|address| format!("http://{address}"));
    let token = world.guest().await;
    let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
    let body = json!({});
    let calls = bases.iter().cycle().take(6);
    let calls = calls.map(|base| world.send_to(base, keyed(&counsels, &body, &token, "k")));
    let replies = futures::future::join_all(calls).await;
    let ids: Vec<_> = replies.into_iter().map(|reply| reply.expect(201).text("/counsel/id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    other.stop().await;
}

shared::on_each_engine! {
    async fn a_key_needs_no_broker(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
        let before = world.send(keyed(&counsels, &json!({}), &token, "before")).await.expect(201);

        world.nats.kill();
        eventually("the broker is missed", async || {
            world.send(Call::get("/readyz")).await.expect(200).body["broker"] == false
        })
        .await;
        let again = world.send(keyed(&counsels, &json!({}), &token, "before")).await.expect(201);
        assert_eq!(again.body["data"], before.body["data"]);
        let opened = world.send(keyed(&counsels, &json!({}), &token, "k")).await.expect(201);
        assert_ne!(opened.text("/counsel/id"), before.text("/counsel/id"));
        let again = world.send(keyed(&counsels, &json!({}), &token, "k")).await.expect(201);
        assert_eq!(again.body["data"], opened.body["data"]);

        let messages = format!("{counsels}/{}/messages", opened.text("/counsel/id"));
        let hello = json!({ "message": "hello" });
        let said = world.send(keyed(&messages, &hello, &token, "k")).await.expect(201);
        let again = world.send(keyed(&messages, &hello, &token, "k")).await.expect(201);
        assert_eq!(again.body["data"], said.body["data"]);
        refused(&world.send(keyed(&messages, &json!({ "message": "other" }), &token, "k")).await);
        let ordered = world.send(create(&token, "k", &pack())).await.expect(201);
        let again = world.send(create(&token, "k", &pack())).await.expect(201);
        assert_eq!(again.text("/order/id"), ordered.text("/order/id"));

        world.nats.resume().await;
        let again = world.send(keyed(&messages, &hello, &token, "k")).await.expect(201);
        assert_eq!(again.body["data"], said.body["data"]);
        refused(&world.send(keyed(&messages, &json!({ "message": "other" }), &token, "k")).await);
    }

    async fn a_key_expires_and_hashes_are_all_that_is_kept_of_it(engine: Engine) {
        let assistant = Arc::new(OfflineAssistant::new().unwrap());
        let keep = |_: &str, config: &mut ServiceConfig| config.idempotency_keep = Duration::from_secs(3600);
        let world = Box::pin(World::start_each_as(engine, assistant, keep, |_| {})).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let messages = world.counsel(&token).await;
        let say = |text: &str, key: &str| world.send(keyed(&messages, &json!({ "message": text }), &token, key));
        say("I said one", "my-key").await.expect(201);
        refused(&say("I said two", "my-key").await);
        world.clock.advance(Duration::from_secs(3601));
        say("I said two", "my-key").await.expect(201);
        refused(&say("I said three", "my-key").await);

        let database = world.user_svc.database();
        let sql = "SELECT name || ' ' || request_hash FROM idempotency_keys";
        let statement = Statement::from_string(database.backend(), sql);
        let rows = database.read().query_all_raw(statement).await.unwrap();
        let kept: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b' ')), "{kept:?}");
        for text in ["I said two", "my-key", &user_id] {
            assert!(!kept[0].contains(&sha256_hex(text)), "{text} can be found by its hash");
        }
    }
}
