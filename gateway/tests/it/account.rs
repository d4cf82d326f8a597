//! /v1/users/me/tokens, /tracking and /activities.

use serde_json::{Value, json};
use shared::testkit::eventually;

use crate::masked::masked;
use crate::world::{Call, World};

async fn tokens(world: &World, token: &str) -> Value {
    world.send(Call::get("/v1/users/me/tokens").by(token)).await.expect(200).body["data"]["tokens"].clone()
}

async fn tracking(world: &World, token: &str) -> Value {
    let reply = world.send(Call::get("/v1/users/me/tracking").by(token)).await.expect(200);
    reply.body["data"]["userTracking"].clone()
}

shared::on_each_engine! {
    async fn the_account_tells_what_a_message_costs(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let fresh = json!({ "allowance": 7, "used": 0, "reserved": 0, "purchased": 0 });
        assert_eq!(tokens(&world, &token).await, fresh);
        let messages = world.counsel(&token).await;
        world.say(&token, &messages, "this one costs a token").await.expect(201);
        eventually("the token is spent", async || tokens(&world, &token).await["reserved"] == 0).await;
        let spent = masked(tokens(&world, &token).await);
        assert_eq!(
            spent,
            json!({ "allowance": 7, "used": 1, "reserved": 0, "purchased": 0, "resetsAt": "<time>" })
        );
        let admin = tokens(&world, &world.admin().await).await;
        assert!(admin.get("allowance").is_none(), "{admin}");
    }

    async fn tracking_follows_what_happens_and_what_the_client_says(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let before = tracking(&world, &token).await;
        assert_eq!((&before["onboardingCompleted"], &before["counselCount"]), (&json!(false), &json!(0)));
        let change = |body: Value| Call::put("/v1/users/me/tracking", &body).by(&token);
        for body in [json!({ "onboardingCompleted": true }), json!({})] {
            let reply = world.send(change(body)).await.expect(200);
            assert_eq!(reply.body["data"]["userTracking"]["onboardingCompleted"], true);
        }
        let wrong = world.send(change(json!({ "onboardingCompleted": "yes" }))).await;
        assert_eq!((wrong.status, wrong.code()), (400, "HTTP_INVALID_INPUT"));
        assert!(wrong.details()[0].starts_with("onboardingCompleted"), "{:?}", wrong.details());
        let messages = world.counsel(&token).await;
        world.say(&token, &messages, "this one is counted").await.expect(201);
        eventually("both are counted", async || {
            let now = tracking(&world, &token).await;
            (&now["counselCount"], &now["messageCount"]) == (&json!(1), &json!(1))
        })
        .await;
        assert!(tracking(&world, &token).await["lastActiveAt"].is_string());
    }

    async fn activities_are_noted_once(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (token, other) = (world.guest().await, world.guest().await);
        let body = json!({
            "activityType": "ACTIVITY_TYPE_ONBOARDING_START",
            "devicePlatform": "DEVICE_PLATFORM_IOS",
        });
        let call = |by: &str| {
            let call = Call::post("/v1/users/me/activities", &body).by(by);
            call.header("idempotency-key", "k")
        };
        let noted = world.send(call(&token)).await.expect(201);
        let activity = &noted.body["data"]["userActivity"];
        assert_eq!(activity["activityType"], body["activityType"]);
        assert_eq!(activity["devicePlatform"], body["devicePlatform"]);
        assert_eq!(world.send(call(&token)).await.expect(201).body["data"], noted.body["data"]);
        let theirs = world.send(call(&other)).await.expect(201);
        assert_ne!(theirs.text("/userActivity/id"), noted.text("/userActivity/id"));

        let wrong = json!({ "activityType": "ACTIVITY_TYPE_UNSPECIFIED" });
        let refused = world.send(Call::post("/v1/users/me/activities", &wrong).by(&token)).await;
        assert_eq!((refused.status, refused.code()), (400, "HTTP_INVALID_INPUT"));
        let named = |field: &str| refused.details().iter().any(|line| line.contains(field));
        assert!(named("activityType") && named("devicePlatform"), "{:?}", refused.details());
    }
}
