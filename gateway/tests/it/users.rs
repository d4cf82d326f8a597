//! /v1/users

use serde_json::json;
use shared::testkit::Engine;

use crate::masked::masked;
use crate::world::{Call, World};

shared::on_each_engine! {
    async fn a_profile_is_changed_field_by_field(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let change = json!({ "nickname": "다정한 수달", "gender": "GENDER_FEMALE", "mbti": "MBTI_INFJ", "birthYear": 1994 });
        world.send(Call::put("/v1/users/me", &change).by(&token)).await.expect(200);
        let change = json!({ "profileImage": "https://images.example/otter.webp", "mbti": null });
        let changed = world.send(Call::put("/v1/users/me", &change).by(&token)).await.expect(200);
        insta::assert_json_snapshot!("profile", masked(changed.body.clone()));
        let read = world.send(Call::get("/v1/users/me").by(&token)).await.expect(200);
        assert_eq!(read.body["data"], changed.body["data"]);
    }

    async fn a_nickname_in_use_is_refused(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (one, other) = (world.guest().await, world.guest().await);
        world.send(Call::put("/v1/users/me", &json!({ "nickname": "Otter" })).by(&one)).await.expect(200);
        let refused = world.send(Call::put("/v1/users/me", &json!({ "nickname": "oTTER" })).by(&other)).await;
        assert_eq!((refused.status, refused.code()), (409, "E40901"));
        // The same again by the same user changes nothing.
        world.send(Call::put("/v1/users/me", &json!({ "nickname": "Otter" })).by(&one)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_profile_lists_every_violation() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let bad = json!({ "nickname": "x", "gender": "GENDER_UNSPECIFIED", "mbti": 7, "birthYear": 1700 });
    let reply = world.send(Call::put("/v1/users/me", &bad).by(&token)).await;
    assert_eq!((reply.status, reply.code()), (400, "HTTP_INVALID_INPUT"));
    insta::assert_json_snapshot!("bad_profile", masked(reply.body));
    // Rules that only user-svc knows come back with the names that clients use.
    let future = json!({ "birthYear": 9000, "profileImage": "ftp://x" });
    let reply = world.send(Call::put("/v1/users/me", &future).by(&token)).await;
    assert_eq!((reply.status, reply.code()), (400, "E40001"));
    let details = reply.details();
    assert_eq!(details.len(), 2, "{details:?}");
    for field in ["birthYear: ", "profileImage: "] {
        assert!(details.iter().any(|detail| detail.starts_with(field)), "{details:?}");
    }
}
