//! /v1/counselors and /v1/tones, which /v1/admin has as well

use shared::id::new_id;
use shared::testkit::Engine;

use crate::world::{Call, World};

shared::on_each_engine! {
    async fn counselors_tones_and_bubbles_are_listed_and_read_one_by_one(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (guest, admin) = (world.guest().await, world.admin().await);
        for (prefix, token) in [("/v1", &guest), ("/v1/admin", &admin)] {
            let counselors = world.send(Call::get(format!("{prefix}/counselors")).by(token)).await.expect(200);
            assert!(counselors.list("counselors").len() >= 4);
            for counselor in counselors.list("counselors") {
                let id = counselor["id"].as_str().unwrap();
                let one = world.send(Call::get(format!("{prefix}/counselors/{id}")).by(token)).await.expect(200);
                assert_eq!(&one.body["data"]["counselor"], counselor);
                let tone = format!("{prefix}/tones/{}", counselor["toneId"].as_str().unwrap());
                let tone = world.send(Call::get(tone).by(token)).await.expect(200);
                assert_eq!(tone.body["data"]["tone"]["id"], counselor["toneId"]);

                let path = format!("{prefix}/counselors/{id}/bubbles");
                let bubbles = world.send(Call::get(&path).by(token)).await.expect(200);
                assert!(bubbles.list("bubbles").len() >= 3);
                let first = &bubbles.list("bubbles")[0];
                let one = format!("{path}/{}", first["id"].as_str().unwrap());
                let one = world.send(Call::get(one).by(token)).await.expect(200);
                assert_eq!(&one.body["data"]["bubble"], first);
                let random = world.send(Call::get(format!("{path}/random")).by(token)).await.expect(200);
                assert!(bubbles.list("bubbles").contains(&random.body["data"]["bubble"]));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found_and_what_is_no_id_is_refused() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let (counselor, unknown) = (world.counselor(&token).await, new_id());
    for path in [
        format!("/v1/counselors/{unknown}"),
        format!("/v1/tones/{unknown}"),
        format!("/v1/counselors/{unknown}/bubbles"),
        format!("/v1/counselors/{unknown}/bubbles/random"),
        format!("/v1/counselors/{counselor}/bubbles/{unknown}"),
    ] {
        let reply = world.send(Call::get(&path).by(&token)).await;
        assert_eq!((reply.status, reply.code()), (404, "E40401"), "{path}");
    }
    let reply = world.send(Call::get("/v1/counselors/1/bubbles/2").by(&token)).await;
    assert_eq!((reply.status, reply.code()), (400, "HTTP_INVALID_INPUT"));
    assert_eq!(reply.details(), ["counselor-id: must be a UUID", "bubble-id: must be a UUID"]);
}
