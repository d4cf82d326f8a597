//! Dead letters.

use serde_json::json;
use shared::testkit::eventually;

use crate::assert_answer;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_replayed_by_one_command() {
    let world = World::start().await;
    let user = world.buried().await;
    let list = world.ctl(&["dlq", "list"]).await.text();
    assert!(list.contains("delivery 3 failed: user not found"), "{list}");
    assert_answer!("dlq_list", list);
    assert_answer!("dlq_list_json", world.ctl(&["dlq", "list", "--json"]).await.text());
    assert_answer!("dlq_show", world.ctl(&["dlq", "show", "1"]).await.text());
    let shown = world.ctl(&["dlq", "show", "1", "--json"]).await.json();
    assert_eq!(shown["event"]["data"]["userId"], user.as_str());

    world.user(&user).await;
    world.holds("USERS", 1).await;
    assert_eq!(world.ctl(&["dlq", "replay", "1"]).await.text(), "SEQ  RESULT\n  1  replayed\n");
    // The user is there now, and gets the tokens.
    world.holds("USERS", 2).await;
    assert_eq!(world.ctl(&["dlq", "list"]).await.text(), "there are no such dead letters\n");
    assert_eq!(world.ctl(&["dlq", "list", "--json"]).await.json(), json!([]));

    // Somebody else was faster, which is nothing that was done.
    let again = world.ctl(&["dlq", "replay", "1", "--json"]).await;
    assert_eq!((again.code, again.error.as_str()), (1, ""));
    let answer: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(answer, json!({ "dry_run": false, "letters": [{ "sequence": 1, "result": "missing" }] }));
    let missing = world.ctl(&["dlq", "show", "1"]).await;
    assert_eq!((missing.code, missing.error.as_str()), (1, "meshctl: dead letter not found\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_alone_changes_nothing() {
    let world = World::start().await;
    world.buried().await;
    world.buried().await;
    let all = world.ctl(&["dlq", "replay", "--all"]).await.text();
    assert!(all.ends_with("would replay 2 dead letters: add --yes to do it\n"), "{all}");
    assert_answer!("dlq_replay_dry_run", all);
    let by_consumer = world.ctl(&["dlq", "replay", "--consumer", "user-svc-credits", "--json"]).await.json();
    let letters = json!([{ "sequence": 1, "result": null }, { "sequence": 2, "result": null }]);
    assert_eq!(by_consumer, json!({ "dry_run": true, "letters": letters }));
    let discard = ["dlq", "discard", "--subject", "payments.order", "--reason", "a test"];
    let dry = world.ctl(&discard).await.text();
    assert!(dry.contains("would discard 2 dead letters"), "{dry}");
    let others = world.ctl(&["dlq", "replay", "--consumer", "payment-svc-customers", "--yes"]).await.text();
    assert_eq!(others, "there are no such dead letters\n");
    assert_eq!((world.messages("DLQ").await, world.messages("OPERATIONS").await), (2, 0));

    // With --yes it is done: they fail again, and are buried again.
    let done = world.ctl(&["dlq", "replay", "--since", "10m", "--yes"]).await.text();
    assert_eq!(done, "SEQ  RESULT\n  1  replayed\n  2  replayed\n");
    eventually("they are buried again", async || {
        let letters = world.ctl(&["dlq", "list", "--json"]).await.json();
        let letters = letters.as_array().unwrap();
        letters.len() == 2 && letters.iter().all(|letter| letter["sequence"].as_u64() > Some(2))
    })
    .await;
    let done = world.ctl(&[&discard[..], &["--yes"]].concat()).await.text();
    assert_eq!(done, "SEQ  RESULT\n  3  discarded\n  4  discarded\n");
    world.holds("DLQ", 0).await;

    let audit = world.ctl(&["audit"]).await.text();
    assert_eq!(audit.matches("dead letter replay").count(), 2, "{audit}");
    assert_eq!(audit.matches("dead letter discard").count(), 2, "{audit}");
    assert!(audit.contains("night-shift") && audit.contains("reason=a test"), "{audit}");
}
