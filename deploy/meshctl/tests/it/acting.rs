//! What operators do.

use std::time::Duration;

use serde_json::Value;
use shared::id::new_id;
use shared::testkit::{LIMIT, eventually};

use crate::assert_answer;
use crate::world::World;

const CREDITS: &str = "user-svc-credits";

async fn credits(world: &World) -> Value {
    let consumers = world.ctl(&["consumers", "--json"]).await.json();
    consumers.as_array().unwrap().iter().find(|consumer| consumer["name"] == CREDITS).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_paused_resumed_and_sent_back() {
    let world = World::start().await;
    let user = new_id();
    world.user(&user).await;
    world.holds("USERS", 1).await;
    assert_answer!(
        "consumers_pause",
        world.ctl(&["consumers", "pause", CREDITS, "--for", "10m"]).await.text()
    );
    world.paid(&user).await;
    eventually("the event waits", async || credits(&world).await["pending"] == 1).await;
    let paused = world.ctl(&["status"]).await.text();
    assert!(paused.contains("user-svc-credits is paused for"), "{paused}");
    assert_answer!("consumers_paused", world.ctl(&["consumers"]).await.text());
    assert_eq!(
        world.ctl(&["consumers", "resume", CREDITS]).await.text(),
        "user-svc-credits gets events again\n"
    );
    world.holds("USERS", 2).await;
    world.at_rest().await;

    // Dry, at first.
    let floor = credits(&world).await["acknowledged_to"].clone();
    for from in ["1", "PAYMENTS:1", "10m"] {
        let dry = world.ctl(&["replay", CREDITS, "--from", from]).await.text();
        assert_eq!(
            dry,
            "user-svc-credits would get again 1 event, from PAYMENTS:1 on; what it has applied already changes \
             nothing\nadd --yes to do it\n"
        );
    }
    assert_eq!(
        (credits(&world).await["acknowledged_to"].clone(), world.messages("OPERATIONS").await),
        (floor, 2)
    );
    let done = world.ctl(&["replay", CREDITS, "--from", "1", "--yes", "--json"]).await.json();
    assert_eq!(
        (&done["events"], &done["dry_run"], &done["from"]),
        (&1.into(), &false.into(), &"PAYMENTS:1".into())
    );
    world.at_rest().await;
    assert_eq!(world.messages("USERS").await, 2, "what was credited is not credited again");

    assert_answer!("audit", world.ctl(&["audit"]).await.text());
    assert_answer!("audit_json", world.ctl(&["audit", "--limit", "1", "--json"]).await.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_drained() {
    let World { nats, broker, user_svc, payment_svc, databases } = World::start().await;
    let ended = tokio::spawn(payment_svc.until_signal());
    let ctl = async |arguments: &[&str]| {
        let mut command = crate::world::meshctl(arguments);
        command.envs(nats.environment("operator"));
        crate::world::run(command).await
    };
    let status = ctl(&["status", "--json"]).await.json();
    let instances = status["instances"].as_array().unwrap();
    let id = instances.iter().find(|instance| instance["service"] == "payment-svc").unwrap();
    let id = id["id"].as_str().unwrap();
    // The last part is random.
    let drained = ctl(&["drain", &id[..id.len() - 2]]).await.text();
    assert!(drained.starts_with(&format!("payment-svc {id} at ")), "{drained}");
    assert_answer!("drain", drained);
    tokio::time::timeout(LIMIT, ended).await.unwrap().unwrap().unwrap();
    let status = ctl(&["status", "--json"]).await.json();
    assert!(status["missing"].as_array().unwrap().contains(&"payment-svc".into()));
    // By default the record names who is logged in.
    let audit = ctl(&["audit", "--json"]).await.json();
    let operator = audit[0]["data"]["operator"].as_str().unwrap();
    assert!(operator.starts_with("tester"), "{operator}");

    // Nobody ends this one, though it was asked.
    let id = status["instances"][0]["id"].as_str().unwrap();
    let asked = ctl(&["drain", id, "--no-wait", "--json"]).await.json();
    assert_eq!((&asked["instance"]["id"], &asked["left"]), (&id.into(), &false.into()));
    let nobody = ctl(&["drain", "nobody"]).await;
    assert_eq!((nobody.code, nobody.error.as_str()), (1, "meshctl: instance not found\n"));
    tokio::time::timeout(Duration::from_secs(30), user_svc.stop()).await.unwrap();
    drop((broker, databases));
}
