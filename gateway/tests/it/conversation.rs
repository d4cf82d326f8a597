//! The whole conversation: a guest signs in, talks, and spends tokens through JetStream.

use std::time::Duration;

use serde_json::json;
use shared::testkit::eventually;

use crate::masked::masked;
use crate::world::{Call, World};

shared::on_each_engine! {
    async fn a_guest_talks_with_a_counselor_and_spends_its_tokens(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let counselor = world.counselor(&token).await;
        let counsels = format!("/v1/counselors/{counselor}/counsels");

        let opened = world.send(Call::post(&counsels, &json!({})).by(&token)).await.expect(201);
        assert_eq!(opened.list("counselMessages").len(), 1);
        let counsel_id = opened.text("/counsel/id");
        assert_eq!(world.tokens(&user_id).await.used, 0, "a greeting costs nothing");

        let messages = format!("{counsels}/{counsel_id}/messages");
        for number in 1..=7 {
            let said = world.say(&token, &messages, &format!("이야기 {number}: 요즘 잠이 안 와요")).await.expect(201);
            assert_eq!(said.body["data"]["createdCounselMessage"]["isUserMessage"], true);
            assert_eq!(said.body["data"]["counselorResponseMessage"]["isUserMessage"], false);
            assert!(said.text("/counselorResponseMessage/message").chars().count() > 5);
        }
        eventually("every token is settled", async || {
            let tokens = world.tokens(&user_id).await;
            (tokens.used, tokens.reserved) == (7, 0)
        })
        .await;

        let eighth = world.say(&token, &messages, "하나만 더요").await;
        assert_eq!((eighth.status, eighth.code()), (403, "NO_REMAINING_TOKENS"));
        insta::assert_json_snapshot!("no_remaining_tokens", masked(eighth.body));

        let listed = world.send(Call::get(&messages).by(&token)).await.expect(200);
        assert_eq!(listed.list("counselMessages").len(), 1 + 2 * 7, "the refused message left no trace");
        let last = listed.list("counselMessages").last().unwrap().clone();
        let one = world.send(Call::get(format!("{counsels}/{counsel_id}")).by(&token)).await.expect(200);
        assert_eq!(one.body["data"]["counsel"]["lastMessage"], last["message"]);

        let path = format!("/v1/counselors/{counselor}/relationships");
        let relationships = world.send(Call::get(path).by(&token)).await.expect(200);
        assert_eq!(relationships.list("counselorUserRelationships")[0]["rapport"], 7);
        let all = world.send(Call::get("/v1/counselors/all/relationships").by(&token)).await.expect(200);
        assert_eq!(all.body["data"], relationships.body["data"]);

        world.clock.advance(Duration::from_secs(6 * 3600));
        world.say(&token, &messages, "여섯 시간이 지났어요").await.expect(201);
    }

    async fn a_repeat_says_and_spends_nothing_twice(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
        let open = || Call::post(&counsels, &json!({})).by(&token).header("idempotency-key", "open-1");
        let first = world.send(open()).await.expect(201);
        let again = world.send(open()).await.expect(201);
        assert_eq!(first.text("/counsel/id"), again.text("/counsel/id"));
        assert_eq!(first.body["data"]["counselMessages"], again.body["data"]["counselMessages"]);

        let messages = format!("{counsels}/{}/messages", first.text("/counsel/id"));
        let say = |text: &str| {
            let call = Call::post(&messages, &json!({ "message": text })).by(&token);
            call.header("idempotency-key", "message-1")
        };
        let first = world.send(say("I feel lost at work")).await.expect(201);
        let again = world.send(say("I feel lost at work")).await.expect(201);
        assert_eq!(first.body["data"], again.body["data"]);
        let other = world.send(say("something else")).await;
        assert_eq!((other.status, other.code()), (409, "E40901"));
        eventually("one token is settled", async || {
            let tokens = world.tokens(&user_id).await;
            (tokens.used, tokens.reserved) == (1, 0)
        })
        .await;
    }

    async fn a_refused_message_gives_its_token_back(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let counselor = world.counselor(&token).await;
        let unknown = format!("/v1/counselors/{counselor}/counsels/{}/messages", shared::id::new_id());
        let refused = world.say(&token, &unknown, "is anybody there?").await;
        assert_eq!((refused.status, refused.code()), (404, "E40401"));
        // So does one with a key, and its repeat.
        for _ in 0..2 {
            let call = Call::post(&unknown, &json!({ "message": "anybody?" })).by(&token);
            let refused = world.send(call.header("idempotency-key", "k")).await;
            assert_eq!((refused.status, refused.code()), (404, "E40401"));
        }
        let tokens = world.tokens(&user_id).await;
        assert_eq!((tokens.used, tokens.reserved), (0, 0));
    }

    async fn words_of_self_harm_are_met_with_care(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let messages = world.counsel(&token).await;
        let said = world.say(&token, &messages, "그냥 죽고 싶어요").await.expect(201);
        assert!(said.text("/counselorResponseMessage/message").contains("109"), "{}", said.body);
        let stream = world.nats.connect().await.jetstream.get_stream("COUNSELS").await.unwrap();
        let counsel = messages.split('/').nth(5).unwrap();
        let subject = format!("counsels.risk.detected.{counsel}");
        eventually("the event", async || stream.get_last_raw_message_by_subject(&subject).await.is_ok()).await;
        let event = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
        let data: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
        assert_eq!(data["riskKind"], "RISK_KIND_SELF_HARM");
        assert!(!String::from_utf8_lossy(&event.payload).contains("죽고"));
    }
}
