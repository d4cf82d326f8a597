//! What admins do.

use shared::testkit::{Engine, eventually};

use super::{Operator, bury, poison};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_replayed_in_three_steps_once_and_on_record() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, id) = Operator::admin(&world).await;
    let letter = bury(&world).await.to_string();
    admin.get("/ops").await.says(&["href=\"/ops/dead-letters\">1 dead letter</a>"]);
    let confirm = format!("/ops/dead-letters/confirm?action=replay&#38;letter={letter}");
    admin.get("/ops/dead-letters").await.says(&[&confirm.replace("&#38;", "&amp;")]);
    let asked = admin.get(&confirm.replace("&#38;", "&")).await.expect(200);
    asked.says(&["Replay to the consumer that failed?", "the database was away", "Replay (1)"]);

    let fields = [("action", "replay"), ("letter", &letter)];
    let (one, other) =
        tokio::join!(admin.post("/ops/dead-letters", &fields), admin.post("/ops/dead-letters", &fields));
    // Two at once: both may have had a hand in it, and the event is delivered again once.
    let leads = [one.leads(), other.leads()];
    assert!(
        leads.iter().any(|to| to == "/ops/dead-letters?notice=replayed&done=1&missing=0&failed=0"),
        "{leads:?}"
    );
    admin
        .get(&leads[0])
        .await
        .expect(200)
        .says(&["role=\"status\">Replayed: ", "There are no dead letters."]);
    let again = admin.post("/ops/dead-letters", &fields).await.leads();
    admin.get(&again).await.says(&["Replayed: 0. Gone already, somebody else was faster: 1."]);
    let nats = world.nats.connect().await;
    let stream = nats.jetstream.get_stream("USERS").await.unwrap();
    let mut replayed = 0;
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        replayed += usize::from(message.headers.get("mesh-replay-for").is_some());
    }
    assert_eq!(replayed, 1);
    let record = admin.get("/ops/record").await.expect(200);
    record.says(&["replayed a dead letter", &format!("DLQ:{letter} payment-svc-customers"), &id, "console"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dead_letters_are_discarded_at_once_for_a_reason() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, _) = Operator::admin(&world).await;
    let (one, two) = (poison(&world).await.to_string(), bury(&world).await.to_string());
    let asked = format!("/ops/dead-letters/confirm?letter={one}&letter={two}&letter=999&action=discard");
    admin.get(&asked).await.expect(200).says(&["Discard for good?", "Discard (2)", "gone already: 1"]);
    let mut fields = vec![("action", "discard"), ("letter", &one), ("letter", &two)];
    let refused = admin.post("/ops/dead-letters", &fields).await.expect(400);
    refused.says(&["reason-wrong", "Discard (2)"]);
    fields.push(("reason", "a test of ours"));
    let done = admin.post("/ops/dead-letters", &fields).await.leads();
    admin.get(&done).await.says(&["Discarded: 2.", "There are no dead letters."]);
    admin.get("/ops/record").await.says(&["discarded a dead letter", "a test of ours"]);
    // A notice says what it can say, whatever a link says.
    let page = admin.get("/ops?notice=%3Cb%3E&done=x").await.expect(200);
    assert!(!page.text.contains("class=\"notice\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_paused_resumed_and_sent_back() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (admin, id) = Operator::admin(&world).await;
    let consumer = "/ops/consumers/payment-svc-customers";
    let paused = admin.post(&format!("{consumer}/pause"), &[("minutes", "30")]).await.leads();
    admin.get(&paused).await.expect(200).says(&["The consumer is paused.", "paused for 29 min more"]);
    admin.get("/ops").await.says(&["payment-svc-customers is paused"]);
    world.guest().await;
    let lags = async |lag: &str| {
        let text = admin.get(consumer).await.text;
        text.contains(&format!("<span id=\"lag\">{lag}</span>"))
    };
    eventually("it lags", async || lags("1").await).await;
    let resumed = admin.post(&format!("{consumer}/resume"), &[]).await.leads();
    admin.get(&resumed).await.says(&["The consumer is resumed."]);
    eventually("it catches up", async || lags("0").await).await;

    // The admin and the guest.
    let asked = admin.get(&format!("{consumer}/replay?from=1")).await.expect(200);
    asked.says(&["<dd id=\"count\">2</dd>", "name=\"from\" value=\"1\""]);
    admin.get(&format!("{consumer}/replay?from=1h")).await.expect(200).says(&["<dd id=\"count\">2</dd>"]);
    let done = admin.post(&format!("{consumer}/replay"), &[("from", "1")]).await.leads();
    admin.get(&done).await.says(&["Events that are delivered again: 2."]);
    eventually("it has caught up again", async || lags("0").await).await;
    let record = admin.get("/ops/record").await;
    record.says(&["paused a consumer", "resumed a consumer", "replayed to a consumer", &id]);
    admin.post("/ops/consumers/nobody/resume", &[]).await.expect(404);
}
