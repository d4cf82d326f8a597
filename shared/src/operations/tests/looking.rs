//! What operators see.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt;

use super::chain::Reach;
use super::*;
use crate::health::Health;
use crate::mesh::{Instance, Registration, RegistrySettings};
use crate::testkit::{LIMIT, eventually};
use crate::time::{Clock, Timestamp};

fn sequences(found: &Found) -> Vec<u64> {
    found.events.iter().map(|event| event.sequence).collect()
}

fn subject(subject: &str) -> Filter {
    Filter { subject: Some(subject.to_owned()), ..Filter::default() }
}

#[tokio::test]
async fn the_newest_events_that_fit_are_found_however_rare_they_are() {
    let world = World::new().await;
    for number in 0..1500 {
        // Two of them at the very beginning, two in the middle.
        let user = if matches!(number, 0 | 1 | 700 | 701) { "rare" } else { "common" };
        world.updated(user).await;
    }
    let rare = Filter { aggregate: Some("rare".to_owned()), ..Filter::default() };
    assert_eq!(sequences(&world.console.find(&rare, 3).await.unwrap()), [2, 701, 702]);
    assert_eq!(sequences(&world.console.find(&rare, 10).await.unwrap()), [1, 2, 701, 702]);
    let newest = world.console.find(&Filter::default(), 2).await.unwrap();
    assert_eq!(sequences(&newest), [1499, 1500]);
    assert!(!newest.gave_up);
    // By what the data says, too.
    let about = Filter { user: Some("rare".to_owned()), ..Filter::default() };
    assert_eq!(sequences(&world.console.find(&about, 10).await.unwrap()), [1, 2, 701, 702]);
    assert!(world.console.find(&subject("users.user.created"), 10).await.unwrap().events.is_empty());
}

#[tokio::test]
async fn events_are_found_by_time_and_decoded() {
    let world = World::new().await;
    let id = world.updated("a").await;
    let first = world.console.find(&Filter::default(), 1).await.unwrap().events.remove(0);
    let between = first.stored_at.plus(Duration::from_micros(1));
    world.tell("counsels.message.created", "c", json!({ "userId": "a", "tokens": 3 }), Told::default()).await;
    let since = Filter { since: Some(between), ..Filter::default() };
    let found = world.console.find(&since, 10).await.unwrap().events;
    assert_eq!((found.len(), found[0].subject.as_str()), (1, "counsels.message.created.c"));
    assert_eq!(found[0].data["tokens"], 3);
    // Beyond what the broker can count.
    let far = Filter { since: Timestamp::from_rfc3339("2999-01-01T00:00:00Z"), ..Filter::default() };
    assert!(world.console.find(&far, 10).await.unwrap().events.is_empty());
    let until = Filter { until: Some(between), ..Filter::default() };
    let found = world.console.find(&until, 10).await.unwrap().events;
    assert_eq!(found, std::slice::from_ref(&first));
    assert_eq!((first.id, first.source.as_deref()), (Some(id), Some("/test-svc")));
    assert_eq!(first.event_type.as_deref(), Some("hearlers.users.user.updated.v1"));
    assert_eq!(first.headers["ce-specversion"], "1.0");
}

#[tokio::test]
async fn one_event_is_found_by_its_id_and_by_its_place() {
    let world = World::new().await;
    world.updated("a").await;
    let id = world.updated("b").await;
    let event = world.console.event(&id).await.unwrap();
    assert_eq!((event.stream.as_str(), event.sequence), ("USERS", 2));
    assert_eq!(world.console.event("USERS:2").await.unwrap(), event);
    for missing in [new_id(), "USERS:3".to_owned(), "COUNSELS:1".to_owned()] {
        let error = world.console.event(&missing).await.unwrap_err();
        assert!(matches!(error, Error::NotFound("event")), "{missing}: {error}");
    }
    for wrong in ["USERS:x", "NOWHERE:1"] {
        let error = world.console.event(wrong).await.unwrap_err();
        assert!(error.to_string().contains("must be an event's id"), "{error}");
    }
    // What is no event can be looked at all the same.
    world.publish("users.user.updated.poison", HeaderMap::new(), Bytes::from_static(b"\xff\x00")).await;
    let poison = world.console.event("USERS:3").await.unwrap();
    assert_eq!((poison.id, poison.data), (None, json!({ "base64": "/wA=" })));
}

#[tokio::test]
async fn a_trace_follows_causes_and_effects_over_the_streams() {
    let world = World::new().await;
    let root = world.tell("counsels.message.created", "c", json!({}), Told::default()).await;
    world.updated("bystander").await;
    let caused_by = |cause: &str| Told {
        correlation_id: Some(root.clone()),
        causation_id: Some(cause.to_owned()),
        ..Told::default()
    };
    let effect = world.tell("users.user.updated", "u", json!({}), caused_by(&root)).await;
    let second = world.tell("payments.order.paid", "o", json!({}), caused_by(&effect)).await;
    let other = world.tell("counsels.risk.detected", "c", json!({}), caused_by(&root)).await;
    world.bury("user-svc-credits", "payments.order.paid.o", "broken").await;
    assert_eq!(world.console.replay_dead_letter(1).await, Done::Done);

    let expected = [(0, &root), (1, &effect), (2, &second), (3, &second), (1, &other)];
    for asked in [&root, &second, &other] {
        let trace = world.console.trace(asked, None).await.unwrap();
        assert_eq!(trace.correlation_id, root);
        let facts: Vec<_> = trace
            .links
            .iter()
            .filter(|link| link.event.stream != "OPERATIONS")
            .map(|link| (link.depth, link.event.id.as_ref().unwrap()))
            .collect();
        assert_eq!(facts, expected, "asked for {asked}");
        let record = trace.links.iter().find(|link| link.event.stream == "OPERATIONS").unwrap();
        assert_eq!(record.depth, 3, "what was done about an event is one of its effects");
        assert_eq!(record.event.data["operator"], "an-admin");
    }
    assert!(matches!(world.console.trace(&new_id(), None).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_trace_has_late_effects_whatever_was_stored_in_between() {
    let world = World::new().await;
    let (user, counsel) = (new_id(), new_id());
    let data = json!({ "counselId": counsel, "of": [{ "userId": user }] });
    let root = world.tell("counsels.message.created", &counsel, data, Told::default()).await;
    let caused_by = |cause: &str| Told {
        correlation_id: Some(root.clone()),
        causation_id: Some(cause.to_owned()),
        ..Told::default()
    };
    let soon = world.tell("users.user.updated", "another", json!({}), caused_by(&root)).await;
    let reach = Reach { most: 200, ..Reach::default() };
    world.updated_often(300).await;
    let named = world.tell("users.tokens.credited", &user, json!({}), caused_by(&root)).await;
    let after_it = world.tell("users.user.updated", "third", json!({}), caused_by(&named)).await;
    world.updated_often(300).await;
    world.tell("users.user.updated", "unnamed", json!({}), caused_by(&root)).await;

    let ids = |trace: &Trace| -> Vec<_> {
        trace.links.iter().map(|link| (link.depth, link.event.id.clone().unwrap())).collect()
    };
    let expected = [(0, root.clone()), (1, soon), (1, named.clone()), (2, after_it)];
    for asked in [&root, &named] {
        let trace = world.console.trace_by(asked, reach).await.unwrap();
        assert_eq!(ids(&trace), expected, "asked for {asked}");
        assert!(trace.gave_up_after_seconds.unwrap() > 0.0, "it says that it did not read everything");
    }
    let whole = world.console.trace(&root, Some(LIMIT)).await.unwrap();
    assert_eq!((ids(&whole)[..4].to_vec(), whole.links.len()), (expected.to_vec(), 5));
    assert_eq!(whole.links[4].event.aggregate.as_deref(), Some("unnamed"));
    assert_eq!(whole.gave_up_after_seconds, None);
}

#[tokio::test]
async fn a_trace_without_its_first_event_has_the_others() {
    let world = World::new().await;
    let gone = new_id();
    let of_chain =
        || Told { correlation_id: Some(gone.clone()), causation_id: Some(gone.clone()), ..Told::default() };
    let one = world.tell("users.user.updated", "u", json!({}), of_chain()).await;
    let other = world.tell("payments.order.paid", "o", json!({}), of_chain()).await;
    let trace = world.console.trace(&other, None).await.unwrap();
    let ids: Vec<_> = trace.links.iter().map(|link| (link.depth, link.event.id.clone().unwrap())).collect();
    assert_eq!(ids, [(0, one), (0, other)]);
    assert_eq!((trace.correlation_id, trace.gave_up_after_seconds), (gone, None));
}

#[tokio::test]
async fn a_tail_tells_of_what_fits_as_it_comes() {
    let world = World::new().await;
    world.updated("before").await;
    let mut tail = world.console.tail(&subject("users.user")).await.unwrap();
    let since = Filter { since: Some(Clock::system().now().minus(LIMIT)), ..Filter::default() };
    let mut all = world.console.tail(&since).await.unwrap();
    world.tell("users.tokens.credited", "u", json!({}), Told::default()).await;
    world.updated("after").await;
    let event = tokio::time::timeout(LIMIT, tail.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(event.subject, "users.user.updated.after");
    let mut seen = HashSet::new();
    while seen.len() < 3 {
        let event = tokio::time::timeout(LIMIT, all.next()).await.unwrap().unwrap().unwrap();
        seen.insert(event.subject);
    }
    assert!(seen.contains("users.user.updated.before"));
}

#[tokio::test]
async fn a_tail_goes_on_where_it_was_when_the_broker_comes_back() {
    let world = World::new().await;
    world.updated("before").await;
    let mut fresh = world.console.tail(&subject("users.user")).await.unwrap();
    let mut used = world.console.tail(&subject("users.user")).await.unwrap();
    world.updated("first").await;
    let next = async |tail: &mut Tail| {
        tokio::time::timeout(LIMIT, tail.next()).await.unwrap().unwrap().unwrap().subject
    };
    assert_eq!(next(&mut used).await, "users.user.updated.first");
    world.server.restart().await;
    eventually("the broker takes events again", async || {
        match world.nats.jetstream.publish("users.user.updated.second", "{}".into()).await {
            Ok(sent) => sent.await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    assert_eq!(next(&mut used).await, "users.user.updated.second");
    // It had seen nothing yet, and is not told of what was there before it began.
    assert_eq!(next(&mut fresh).await, "users.user.updated.first");
    assert_eq!(next(&mut fresh).await, "users.user.updated.second");
}

#[tokio::test]
async fn streams_tell_what_they_hold_and_the_mesh_comes_first() {
    let world = World::new().await;
    world.updated("a").await;
    let streams = world.console.streams().await.unwrap();
    let names: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!(names, ["USERS", "COUNSELS", "PAYMENTS", "DLQ", "OPERATIONS"]);
    let users = &streams[0];
    assert_eq!((users.messages, users.last_sequence, users.of_events), (1, 1, true));
    assert!(users.bytes > 0 && users.last_at.is_some() && streams[1].last_at.is_none());
}

#[tokio::test]
async fn the_overview_names_who_is_there_how_they_are_and_who_is_missing() {
    let world = World::new().await;
    let none = world.console.overview().await.unwrap();
    assert_eq!(none.missing, ["user-svc", "counseling-svc", "payment-svc", "gateway"]);
    let instance = |id: &str| Instance {
        service: "user-svc".to_owned(),
        id: id.to_owned(),
        address: "127.0.0.1:1".to_owned(),
        version: "0.1.0".to_owned(),
        started_at: 1_700_000_000,
    };
    let register = async |id: &str, nats: &Nats| {
        let settings = RegistrySettings { ttl: Duration::from_secs(60), ..RegistrySettings::default() };
        Registration::register(&nats.jetstream, instance(id), settings, Health::default()).await.unwrap()
    };
    let _answers = register("answers", &world.nats).await;
    // Dropped like a process that died: it is in the registry for a while.
    drop(register("silent", &world.server.connect().await).await);
    let overview = world.console.overview().await.unwrap();
    let seen: Vec<_> =
        overview.instances.iter().map(|state| (state.instance.id.as_str(), state.report.is_some())).collect();
    assert_eq!(seen, [("answers", true), ("silent", false)]);
    assert_eq!(overview.missing, ["counseling-svc", "payment-svc", "gateway"]);
    assert_eq!((overview.outbox, overview.dead_letters), (0, 0));
}
