//! What the pages show of a real mesh.

use serde_json::json;
use shared::testkit::{Engine, eventually};

use super::{Operator, between, bury, poison};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_the_mesh_as_it_is() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, _) = Operator::admin(&world).await;
    let guest = world.guest().await;
    let guest_id = world.id_of(&guest).await;
    let messages = world.counsel(&guest).await;
    world.say(&guest, &messages, "hello").await.expect(201);
    let buried = bury(&world).await;

    let overview = admin.get("/ops").await.expect(200);
    overview.says(&[
        "href=\"/ops/dead-letters\">1 dead letter</a>",
        "user-svc",
        "counseling-svc",
        "payment-svc",
        "gateway",
        "<svg class=\"flow\"",
        "counseling-svc-understanding",
        env!("CARGO_PKG_VERSION"),
    ]);
    // Rates and charts come with the second sample.
    eventually("the streams are drawn", async || {
        admin.get("/ops/streams").await.expect(200).text.contains("aria-label=\"rate of COUNSELS: now ")
    })
    .await;
    admin.get("/ops/streams").await.says(&[
        "facts about users, from user-svc",
        "KV_mesh",
        "rate of COUNSELS",
    ]);
    admin.get("/ops/consumers").await.expect(200).says(&[
        "user-svc-credits",
        "lag of user-svc-reservations: now 0, at most ",
        "<span class=\"sign ok\">reading</span>",
    ]);

    let path =
        format!("/ops/events?stream=COUNSELS&subject=counsels.message.created&user={guest_id}&since=5m");
    eventually("what was said is published", async || admin.get(&path).await.text.contains("COUNSELS:"))
        .await;
    let found = admin.get(&path).await.expect(200);
    let key = between(&found.text, "/ops/event?key=", "\"").to_owned();
    found.says(&[&guest_id, "<summary>Show</summary>"]);
    let event = admin.get(&format!("/ops/event?key={key}")).await.expect(200);
    let id = between(&event.text, "<dt>ce-id</dt><dd><code class=\"break\">", "<").to_owned();
    event.says(&[
        "hearlers.counsels.message.created.v1",
        "Causes and effects",
        "aria-current=\"true\">counsels.message",
    ]);
    // By its id, as the search field asks.
    admin.get(&format!("/ops/event?key={id}")).await.expect(200).says(&["<h1>COUNSELS:"]);

    let letter = admin.get(&format!("/ops/dead-letters/{buried}")).await.expect(200);
    letter.says(&[
        "the database was away",
        "payment-svc-customers",
        "USERS:1",
        "mesh-dlq-reason",
        "users.user.created",
    ]);
    let poisoned = poison(&world).await;
    admin.get(&format!("/ops/dead-letters/{poisoned}")).await.expect(200).says(&["It is no CloudEvent"]);
    let listed = admin.get("/ops/dead-letters?consumer=user-svc-credits").await.expect(200);
    assert!(!listed.text.contains("the database was away"), "{}", listed.text);
    listed.says(&["payments.order.paid.poison"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found_and_what_is_wrong_is_named() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, _) = Operator::admin(&world).await;
    for path in [
        "/ops/event?key=USERS:999",
        "/ops/event?key=NOWHERE:1",
        "/ops/event?key=0198c0de-0000-7000-8000-000000000000",
        "/ops/event",
        "/ops/dead-letters/999",
        "/ops/dead-letters/x",
        "/ops/dead-letters/confirm?action=replay&letter=999",
        "/ops/consumers/nobody",
    ] {
        admin.get(path).await.expect(404).says(&["<h1>Not found</h1>"]);
    }
    assert_eq!(admin.get("/ops/").await.expect(308).headers["location"], "/ops");
    for (query, field) in [
        ("subject=orders..paid", "subject"),
        ("subject=orders.paid", "subject"),
        ("aggregate=*", "aggregate"),
        ("user=a.b", "user"),
        ("stream=NOWHERE", "stream"),
        ("since=yesterday", "since"),
        ("until=12:00", "until"),
        ("limit=0", "limit"),
    ] {
        let page = admin.get(&format!("/ops/events?{query}")).await.expect(400);
        assert_eq!(page.text.matches("aria-invalid").count(), 1, "{query}: {}", page.text);
        page.says(&[&format!("id=\"{field}-wrong\"")]);
    }
    let both = admin.get("/ops/events?since=x&limit=y").await.expect(400);
    assert_eq!(both.text.matches("aria-invalid").count(), 2);
    admin.get("/ops/dead-letters?consumer=nobody").await.expect(400).says(&["consumer-wrong"]);
    for query in ["action=burn&letter=1", "action=replay", "action=replay&letter=x"] {
        admin.get(&format!("/ops/dead-letters/confirm?{query}")).await.expect(400);
    }
    let consumer = "/ops/consumers/user-svc-credits";
    for from in ["x", "", "2026-99-01"] {
        admin.get(&format!("{consumer}/replay?from={from}")).await.expect(400).says(&["from-wrong"]);
    }
    admin
        .get(&format!("{consumer}/replay?from=999999"))
        .await
        .expect(400)
        .says(&["holds nothing for this consumer"]);
    for minutes in ["0", "x", "", "10081"] {
        admin
            .post(&format!("{consumer}/pause"), &[("minutes", minutes)])
            .await
            .expect(400)
            .says(&["minutes-wrong"]);
    }
    admin.get("/ops/record").await.says(&["Nothing is on record."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_events_hold_is_text_and_never_markup() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, _) = Operator::admin(&world).await;
    let data = json!({ "userId": "<script>alert(1)</script>" }).to_string();
    let subject = "payments.order.paid.<img>";
    super::publish(&world, subject, async_nats::HeaderMap::new(), data.into()).await;
    let letter = super::newest_letter(&world, "user-svc-credits").await;
    for path in [
        "/ops/events?stream=PAYMENTS".to_owned(),
        "/ops/dead-letters".to_owned(),
        format!("/ops/dead-letters/{letter}"),
        format!("/ops/dead-letters/confirm?action=discard&letter={letter}&reason=%3Cimg%3E"),
        "/ops/events?stream=PAYMENTS&subject=%3Cimg%3E".to_owned(),
    ] {
        let page = admin.get(&path).await;
        assert!(!page.text.contains("<img>") && !page.text.contains("<script>"), "{path}: {}", page.text);
        assert!(page.text.contains("&#60;img&#62;"), "{path}: {}", page.text);
    }
}
