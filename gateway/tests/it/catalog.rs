//! What admins do to counselors, tones, bubbles and episodes.

use reqwest::Method;
use serde_json::{Value, json};
use shared::id::new_id;
use shared::testkit::Engine;

use crate::world::{Call, World};

const ADMIN: &str = "/v1/admin";

async fn world_and_admin() -> (World, String) {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    (world, admin)
}

async fn new_counselor(world: &World, admin: &str) -> String {
    let tone = json!({ "name": "gentle", "description": "speaks softly" });
    let tone = world.send(Call::post(format!("{ADMIN}/tones"), &tone).by(admin)).await.expect(201);
    let body = json!({
        "toneId": tone.text("/tone/id"),
        "name": "Sora",
        "description": "listens",
        "profileImage": "/v1/images/sora.png",
        "gender": "COUNSELOR_GENDER_NONE",
    });
    let made = world.send(Call::post(format!("{ADMIN}/counselors"), &body).by(admin)).await.expect(201);
    made.text("/counselor/id")
}

#[tokio::test(flavor = "multi_thread")]
async fn counselors_and_tones_are_added_and_changed() {
    let (world, admin) = world_and_admin().await;
    let id = new_counselor(&world, &admin).await;
    let path = format!("{ADMIN}/counselors/{id}");
    let change = json!({ "description": "listens well", "gender": "COUNSELOR_GENDER_FEMALE" });
    let changed = world.send(Call::put(&path, &change).by(&admin)).await.expect(200);
    assert_eq!(changed.text("/counselor/name"), "Sora");
    assert_eq!(changed.text("/counselor/gender"), "COUNSELOR_GENDER_FEMALE");
    let guest = world.guest().await;
    let seen = world.send(Call::get(format!("/v1/counselors/{id}")).by(&guest)).await.expect(200);
    assert_eq!(seen.body["data"], changed.body["data"]);

    let tone = format!("{ADMIN}/tones/{}", seen.text("/counselor/toneId"));
    let renamed = world.send(Call::put(&tone, &json!({ "name": "soft" })).by(&admin)).await.expect(200);
    assert_eq!(renamed.text("/tone/description"), "speaks softly");
    let again = json!({ "name": "soft", "description": "another one" });
    let taken = world.send(Call::post(format!("{ADMIN}/tones"), &again).by(&admin)).await.expect(409);
    assert_eq!(taken.code(), "E40901");

    let page = world.send(Call::get("/v1/counselors?limit=1").by(&guest)).await.expect(200);
    assert_eq!(page.list("counselors").len(), 1);
    let next = format!("/v1/counselors?limit=1&cursor={}", page.text("/nextCursor"));
    let next = world.send(Call::get(next).by(&guest)).await.expect(200);
    assert_ne!(next.list("counselors")[0], page.list("counselors")[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bubbles_are_added_changed_and_deleted() {
    let (world, admin) = world_and_admin().await;
    let bubbles = format!("{ADMIN}/counselors/{}/bubbles", new_counselor(&world, &admin).await);
    let body = json!({ "question": "How are you?", "responseOption1": "good", "responseOption2": "bad" });
    let made = world.send(Call::post(&bubbles, &body).by(&admin)).await.expect(201);
    let bubble = format!("{bubbles}/{}", made.text("/bubble/id"));
    let changed =
        world.send(Call::put(&bubble, &json!({ "question": "And you?" })).by(&admin)).await.expect(200);
    assert_eq!(changed.text("/bubble/question"), "And you?");
    assert_eq!(changed.text("/bubble/responseOption1"), "good");
    let random = world.send(Call::get(format!("{bubbles}/random")).by(&admin)).await.expect(200);
    assert_eq!(random.body["data"], changed.body["data"]);
    let deleted = world.send(Call::new(Method::DELETE, &bubble).by(&admin)).await.expect(200);
    assert_eq!(deleted.body["data"], json!({ "isSuccess": true }));
    assert_eq!(world.send(Call::new(Method::DELETE, &bubble).by(&admin)).await.expect(404).code(), "E40401");
    let none = world.send(Call::get(format!("{bubbles}/random")).by(&admin)).await.expect(404);
    assert_eq!(none.code(), "E40401");
}

fn scenes(told: &Value) -> Vec<(&str, i64)> {
    let scenes = told["data"]["episode"]["cutScenes"].as_array().unwrap();
    scenes
        .iter()
        .map(|scene| (scene["content"].as_str().unwrap(), scene["orderIndex"].as_i64().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_is_told_in_its_scenes_and_locked_for_strangers() {
    let (world, admin) = world_and_admin().await;
    let counselor = new_counselor(&world, &admin).await;
    let episodes = format!("{ADMIN}/counselors/{counselor}/episodes");
    let body = json!({
        "title": "The first day",
        "requiredRapportThreshold": 1,
        "isTemporary": false,
        "cutScenes": [
            { "speaker": "SPEAKER_USER", "content": "hello", "orderIndex": 1, "image": "" },
            { "speaker": "SPEAKER_COUNSELOR", "content": "come in", "orderIndex": 0, "image": "/v1/images/a.png" },
        ],
    });
    let made = world.send(Call::post(&episodes, &body).by(&admin)).await.expect(201);
    assert_eq!(scenes(&made.body), [("come in", 0), ("hello", 1)]);
    assert_eq!(made.body["data"]["episode"]["isLocked"], false);
    let id = made.text("/episode/id");
    let first = made.text("/episode/cutScenes/0/id");
    let change = json!({ "cutScenes": [
        { "id": first, "speaker": "SPEAKER_COUNSELOR", "content": "welcome", "orderIndex": 4, "image": "" },
        { "speaker": "SPEAKER_USER", "content": "thanks", "orderIndex": 5 },
    ] });
    let changed = world.send(Call::put(format!("{episodes}/{id}"), &change).by(&admin)).await.expect(200);
    assert_eq!(scenes(&changed.body), [("welcome", 4), ("thanks", 5)]);
    assert_eq!(changed.text("/episode/cutScenes/0/id"), first);

    let guest = world.guest().await;
    let mine = format!("/v1/counselors/{counselor}/episodes");
    let listed = world.send(Call::get(&mine).by(&guest)).await.expect(200);
    let [locked] = &listed.list("episodes")[..] else { panic!("{}", listed.body) };
    assert_eq!((&locked["isLocked"], &locked["cutScenes"]), (&json!(true), &json!([])));
    let one = world.send(Call::get(format!("{mine}/{id}")).by(&guest)).await.expect(200);
    assert_eq!(one.body["data"]["episode"], *locked);

    let broken =
        json!({ "cutScenes": [{ "speaker": "SPEAKER_UNSPECIFIED", "content": "", "orderIndex": -1 }] });
    let refused = world.send(Call::put(format!("{episodes}/{id}"), &broken).by(&admin)).await.expect(400);
    for field in ["speaker", "content", "orderIndex"] {
        assert!(refused.details().iter().any(|line| line.contains(field)), "{:?}", refused.details());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_episode_is_written_and_read() {
    let (world, admin) = world_and_admin().await;
    let counselor = new_counselor(&world, &admin).await;
    let episodes = format!("{ADMIN}/counselors/{counselor}/episodes");
    let scenes = || -> Vec<Value> {
        let content = "밤".repeat(2000);
        let image = format!("https://cdn.example/{}.webp", new_id());
        let scene = |place: i32| json!({ "speaker": "SPEAKER_USER", "content": content, "orderIndex": place, "image": image });
        (0..200).map(scene).collect()
    };
    let body = json!({ "title": "long", "requiredRapportThreshold": 0, "isTemporary": false, "cutScenes": scenes() });
    let made = world.send(Call::post(&episodes, &body).by(&admin)).await.expect(201);
    let episode = format!("{episodes}/{}", made.text("/episode/id"));
    let first = &made.body["data"]["episode"]["cutScenes"][0];
    let kept = json!({ "id": first["id"], "speaker": "SPEAKER_USER", "content": "short", "orderIndex": 0 });
    let changed =
        world.send(Call::put(&episode, &json!({ "cutScenes": [kept] })).by(&admin)).await.expect(200);
    // An image that is not spoken of stays.
    assert_eq!(changed.body["data"]["episode"]["cutScenes"][0]["image"], first["image"]);
    let again = json!({ "cutScenes": scenes() });
    world.send(Call::put(&episode, &again).by(&admin)).await.expect(200);
    let listed = world.send(Call::get(&episodes).by(&admin)).await.expect(200);
    assert_eq!(listed.list("episodes")[0]["cutScenes"].as_array().unwrap().len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_admins_is_refused_to_everybody_else() {
    let (world, admin) = world_and_admin().await;
    let guest = world.guest().await;
    let id = new_id();
    let tone = json!({ "name": "loud", "description": "shouts" });
    let writes = [
        Call::post(format!("{ADMIN}/tones"), &tone),
        Call::put(format!("{ADMIN}/tones/{id}"), &tone),
        Call::new(Method::DELETE, format!("{ADMIN}/counselors/{id}/bubbles/{id}")),
        Call::put(format!("{ADMIN}/counselors/{id}/episodes/{id}"), &json!({})),
        Call::post(format!("{ADMIN}/counselors/{id}/image-url"), &json!({ "extension": "EXTENSION_PNG" })),
    ];
    for write in writes {
        assert_eq!(world.send(write.by(&guest)).await.expect(403).code(), "FORBIDDEN");
    }
    // Nothing is written outside /v1/admin.
    let write = Call::post("/v1/tones", &tone).by(&admin);
    assert_eq!(world.send(write).await.expect(405).code(), "HTTP_METHOD_NOT_ALLOWED");
    let unknown =
        world.send(Call::put(format!("{ADMIN}/tones/{id}"), &json!({})).by(&admin)).await.expect(404);
    assert_eq!(unknown.code(), "E40401");
    let broken = json!({ "name": "", "description": "x".repeat(1001) });
    let refused = world.send(Call::post(format!("{ADMIN}/tones"), &broken).by(&admin)).await.expect(400);
    assert_eq!(refused.details().len(), 2, "{:?}", refused.details());
}
