//! What operators see.

use serde_json::Value;
use shared::id::new_id;
use shared::testkit::eventually;

use crate::assert_answer;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_on_one_screen() {
    let world = World::start().await;
    world.buried().await;
    world.at_rest().await;
    assert_answer!("status", world.ctl(&["status"]).await.text());
    let status = world.ctl(&["status", "--json"]).await.json();
    assert_eq!(status["missing"], serde_json::json!(["counseling-svc", "gateway"]));
    assert_eq!(status["dead_letters"], 1);
    let problems: Vec<_> = status["problems"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for problem in
        ["counseling-svc does not run", "gateway does not run", "1 dead letter: see `meshctl dlq list`"]
    {
        assert!(problems.contains(&problem), "{problems:?}");
    }
    let services: Vec<_> =
        status["instances"].as_array().unwrap().iter().map(|instance| &instance["service"]).collect();
    assert_eq!(services, ["payment-svc", "user-svc"]);

    assert_answer!("streams", world.ctl(&["streams"]).await.text());
    let mut streams = world.ctl(&["streams", "--json"]).await.json();
    // The registry changes all the time.
    streams.as_array_mut().unwrap().retain(|stream| stream["of_events"] == true);
    assert_answer!("streams_json", serde_json::to_string_pretty(&streams).unwrap());
    assert_answer!("consumers", world.ctl(&["consumers"]).await.text());
    assert_answer!("consumers_json", world.ctl(&["consumers", "list", "--json"]).await.text());
    assert_answer!("outbox", world.ctl(&["outbox"]).await.text());
    assert_answer!("outbox_json", world.ctl(&["outbox", "--json"]).await.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_found_and_shown() {
    let world = World::start().await;
    let user = new_id();
    world.user(&user).await;
    world.holds("USERS", 1).await;
    let order = world.paid(&user).await;
    // user-svc credits them, and says so.
    world.holds("USERS", 2).await;

    let find = async |arguments: &[&str]| world.ctl(&[&["events", "find"], arguments].concat()).await;
    assert_answer!("events_find", find(&["--since", "10m"]).await.text());
    let of_order = find(&["--aggregate", &order, "--json"]).await.text();
    assert_answer!("events_find_json", of_order);
    let places = async |arguments: &[&str]| {
        let found = find(&[arguments, &["--json"]].concat()).await.json();
        let place = |event: &Value| format!("{}:{}", event["stream"].as_str().unwrap(), event["sequence"]);
        found["events"].as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(&["--user", &user]).await, ["USERS:1", "PAYMENTS:1", "USERS:2"]);
    assert_eq!(places(&["--user", &user, "--limit", "1"]).await, ["USERS:2"]);
    assert_eq!(places(&["--subject", "payments.order"]).await, ["PAYMENTS:1"]);
    assert_eq!(places(&["--stream", "USERS", "--subject", "users.tokens"]).await, ["USERS:2"]);
    assert!(places(&["--until", "1h"]).await.is_empty());
    assert_eq!(find(&["--since", "2999-01-01T00:00:00Z"]).await.text(), "no such events\n");

    let get = world.ctl(&["events", "get", "PAYMENTS:1"]).await.text();
    assert!(get.contains(&order) && get.contains(&user), "{get}");
    assert_answer!("events_get", get);
    let event = world.ctl(&["events", "get", "PAYMENTS:1", "--json"]).await.json();
    let id = event["id"].as_str().unwrap();
    assert_eq!(world.ctl(&["events", "get", id, "--json"]).await.json(), event);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_shows_what_failed_what_was_done_about_it_and_what_followed() {
    let world = World::start().await;
    let user = world.buried().await;
    world.user(&user).await;
    world.holds("USERS", 1).await;
    assert_eq!(world.ctl(&["dlq", "replay", "1"]).await.code, 0);
    world.holds("USERS", 2).await;
    assert_answer!("trace", world.ctl(&["trace", "PAYMENTS:1"]).await.text());
    let trace = world.ctl(&["trace", "USERS:2", "--json"]).await.json();
    let subjects: Vec<_> = trace["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (link["depth"].as_u64().unwrap(), link["event"]["stream"].as_str().unwrap()))
        .collect();
    // The letter itself has left the stream DLQ.
    assert_eq!(subjects, [(0, "PAYMENTS"), (1, "OPERATIONS"), (1, "PAYMENTS"), (1, "USERS")]);

    world.buried().await;
    assert_answer!("trace_of_a_dead_letter", world.ctl(&["trace", "PAYMENTS:3"]).await.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_died_is_missing() {
    let world = World::start().await;
    // It was killed: its key is there until it expires.
    drop(world.payment_svc);
    let text = async || {
        let mut command = crate::world::meshctl(&["status"]);
        command.envs(world.nats.environment("operator"));
        crate::world::run(command).await.text()
    };
    eventually("payment-svc has gone", async || text().await.contains("payment-svc does not run")).await;
    assert!(text().await.contains("missing"));
}
