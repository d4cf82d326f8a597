//! What goes on until it is ended.

use std::time::Duration;

use serde_json::Value;
use shared::id::new_id;
use shared::testkit::LIMIT;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::world::World;

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    tokio::time::timeout(LIMIT, lines.next_line()).await.expect("a line comes").unwrap().expect("it goes on")
}

async fn until(lines: &mut Lines<BufReader<ChildStdout>>, is_it: impl Fn(&str) -> bool) {
    while !is_it(&next(lines).await) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_tells_of_events_as_they_come_and_survives_the_broker() {
    let world = World::start().await;
    let mut json = world.follow(&["events", "tail", "--subject", "users.user", "--json", "--since", "1h"]);
    let mut text = world.follow(&["events", "tail", "--since", "1h"]);
    let (mut json, mut text) = (lines(&mut json), lines(&mut text));
    let user = new_id();
    world.user(&user).await;
    let event: Value = serde_json::from_str(&next(&mut json).await).unwrap();
    assert_eq!((&event["aggregate"], &event["stream"]), (&user.as_str().into(), &"USERS".into()));
    let line = next(&mut text).await;
    assert!(line.contains("USERS:1  users.user.created") && line.ends_with(&user), "{line}");

    world.nats.restart().await;
    let another = new_id();
    world.user(&another).await;
    let event: Value = serde_json::from_str(&next(&mut json).await).unwrap();
    assert_eq!(event["aggregate"], another.as_str());
    assert!(next(&mut text).await.ends_with(&another));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_screen_tells_rates() {
    let world = World::start().await;
    let mut watch = world.follow(&["status", "--watch", "1", "--json"]);
    let mut screens = lines(&mut watch);
    let first: Value = serde_json::from_str(&next(&mut screens).await).unwrap();
    assert_eq!(first["rates"], Value::Null);
    world.user(&new_id()).await;
    until(&mut screens, |screen| {
        let screen: Value = serde_json::from_str(screen).unwrap();
        screen["rates"]["messages"]["USERS"].as_f64().is_some_and(|rate| rate > 0.0)
    })
    .await;

    let mut watch = world.follow(&["status", "--watch", "1"]);
    let mut screens = lines(&mut watch);
    until(&mut screens, |line| line.starts_with("STREAM") && line.ends_with("/S")).await;
    // Ctrl-C is how it ends.
    let pid = watch.id().unwrap().to_string();
    let killed = tokio::process::Command::new("kill").args(["-s", "INT", &pid]).status().await.unwrap();
    assert!(killed.success());
    let ended = tokio::time::timeout(Duration::from_secs(10), watch.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}
