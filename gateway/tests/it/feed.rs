//! GET /v1/counsels/events

mod tokens;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counseling_svc::assistant::OfflineAssistant;
use serde_json::{Value, json};
use shared::messaging::{TopologySettings, reconcile};
use shared::testkit::{Engine, eventually};

use crate::auth::access_token;
use crate::sse::{Event, Events};
use crate::streaming::{Step, told};
use crate::world::{Call, World};

const FEED: &str = "/v1/counsels/events";

fn follow(token: &str) -> Call {
    Call::get(FEED).by(token)
}

fn resume(token: &str, id: &str) -> Call {
    follow(token).header("last-event-id", id)
}

/// How far the stream of counsels was told, by an id of an event.
fn at(id: &str) -> u64 {
    let (counsels, users) = id.split_once('-').unwrap_or_else(|| panic!("{id}"));
    users.parse::<u64>().unwrap();
    counsels.parse().unwrap()
}

/// The next events, of these kinds in any order: facts about different things need not keep theirs.
async fn next(feed: &mut Events, kinds: &[&str]) -> HashMap<String, Event> {
    let mut events = HashMap::new();
    for _ in kinds {
        let event = feed.next().await.expect("the feed goes on");
        assert!(kinds.contains(&event.name.as_str()), "{event:?}");
        assert!(event.id.is_some(), "{event:?}");
        let known = events.insert(event.name.clone(), event);
        assert_eq!(known, None);
    }
    events
}

/// A feed, and the messages of a counsel that was opened after it.
async fn feed_and_counsel(world: &World, token: &str) -> (Events, String) {
    let mut feed = world.open(follow(token)).await;
    let messages = world.counsel(token).await;
    feed.expect("counsel").await;
    (feed, messages)
}

/// The answer to a message, as a feed tells it.
fn as_told(messages: &str, answer: &Value) -> Value {
    let mut parts = messages.split('/').skip(3);
    let (counselor_id, counsel_id) = (parts.next(), parts.nth(1));
    let mut told = answer["data"].clone();
    told["counselorId"] = counselor_id.into();
    told["counselId"] = counsel_id.into();
    told
}

async fn with_feeds(configure: impl FnOnce(&mut gateway::Config)) -> World {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    Box::pin(World::start_as(Engine::Sqlite, assistant, configure)).await
}

shared::on_each_engine! {
    async fn another_device_sees_what_happens_and_a_stranger_does_not(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (token, stranger) = (world.guest().await, world.guest().await);
        let (mut feed, mut theirs) = (world.open(follow(&token)).await, world.open(follow(&stranger)).await);
        assert_eq!(feed.header("cache-control"), Some("no-store"));
        assert_eq!(feed.header("x-accel-buffering"), Some("no"));

        let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
        let opened = world.send(Call::post(&counsels, &json!({})).by(&token)).await.expect(201);
        let told = feed.expect("counsel").await.data;
        assert_eq!(told["counsel"], opened.body["data"]["counsel"]);

        let messages = format!("{counsels}/{}/messages", opened.text("/counsel/id"));
        let said = world.say(&token, &messages, "요즘 잠을 못 자요").await.expect(201);
        let told = next(&mut feed, &["message", "rapport"]).await;
        assert_eq!(told["message"].data, as_told(&messages, &said.body));
        let relationships = world.send(Call::get("/v1/counselors/all/relationships").by(&token)).await.expect(200);
        let relationship = &relationships.list("counselorUserRelationships")[0];
        assert_eq!(told["rapport"].data["counselorUserRelationshipId"], relationship["id"]);
        assert_eq!(told["rapport"].data["counselorId"], relationship["counselorId"]);
        assert_eq!(told["rapport"].data["rapport"], relationship["rapport"]);

        let react = format!("{messages}/{}/react", said.text("/counselorResponseMessage/id"));
        let dislike = json!({ "reaction": "COUNSEL_MESSAGE_REACTION_DISLIKE" });
        let reacted = world.send(Call::post(&react, &dislike).by(&token)).await.expect(200);
        let told = feed.expect("reaction").await.data;
        assert_eq!(told["counselMessage"], reacted.body["data"]["counselMessage"]);
        assert_eq!(told["counselId"], opened.body["data"]["counsel"]["id"]);

        // The first that a stranger is told is its own.
        let own = world.send(Call::post(&counsels, &json!({})).by(&stranger)).await.expect(201);
        assert_eq!(theirs.expect("counsel").await.data["counsel"], own.body["data"]["counsel"]);
    }

    async fn who_resumes_misses_nothing_and_hears_nothing_twice(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let (mut feed, messages) = feed_and_counsel(&world, &token).await;
        world.say(&token, &messages, "one").await.expect(201);
        next(&mut feed, &["message", "rapport"]).await;
        let seen = feed.last_id.clone().unwrap();
        drop(feed);
        let two = world.say(&token, &messages, "two").await.expect(201);
        let three = world.say(&token, &messages, "three").await.expect(201);
        let by_query = format!("{FEED}?last-event-id={seen}");
        for call in [resume(&token, &seen), Call::get(by_query).by(&token)] {
            let mut feed = world.open(call).await;
            let (mut told, mut ids) = (Vec::new(), Vec::new());
            while ids.len() < 4 {
                let event = feed.next().await.unwrap();
                ids.push(at(&event.id.unwrap()));
                match event.name.as_str() {
                    "message" => told.push(event.data),
                    name => assert_eq!(name, "rapport"),
                }
            }
            assert_eq!(told, [as_told(&messages, &two.body), as_told(&messages, &three.body)]);
            assert!(ids.is_sorted_by(|one, other| one < other) && ids[0] > at(&seen), "{ids:?}");
        }
        // What comes after what was missed is new.
        let mut feed = world.open(resume(&token, &seen)).await;
        let four = world.say(&token, &messages, "four").await.expect(201);
        let mut told = Vec::new();
        while told.len() < 3 {
            let event = feed.next().await.unwrap();
            if event.name == "message" {
                told.push(event.data);
            }
        }
        assert_eq!(told[2], as_told(&messages, &four.body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_reply_is_told() {
    let (tell, model) = told();
    let world = Box::pin(World::start_with(Engine::Sqlite, model)).await;
    let token = world.guest().await;
    let (mut feed, messages) = feed_and_counsel(&world, &token).await;
    tell.send(Step::Fail).unwrap();
    let mut reply = world.open(Call::post(&messages, &json!({ "message": "hello?" })).by(&token)).await;
    reply.expect("error").await;
    let failed = feed.expect("messageFailed").await.data;
    assert_eq!(failed["counselId"], messages.split('/').nth(5).unwrap());
    let listed = world.send(Call::get(format!("{messages}?order=desc&limit=1")).by(&token)).await.expect(200);
    assert_eq!(failed["messageId"], listed.list("counselMessages")[0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_too_long_reads_its_lists_again() {
    let world = with_feeds(|config| config.feed.events = 3).await;
    let token = world.guest().await;
    let (mut feed, _) = feed_and_counsel(&world, &token).await;
    let long_ago = feed.last_id.clone().unwrap();
    for _ in 0..4 {
        world.counsel(&token).await;
        feed.expect("counsel").await;
    }
    drop(feed);
    for id in [long_ago.as_str(), "0", "0-0", "99999", "0-99999", "a-word", "-1", "", "1-2-3"] {
        let mut back = world.open(resume(&token, id)).await;
        let reset = back.expect("reset").await;
        assert_eq!(reset.data, json!({}));
        // It goes on from there, at once and later.
        let messages = world.counsel(&token).await;
        let told = back.expect("counsel").await;
        assert!(messages.contains(told.data["counsel"]["id"].as_str().unwrap()));
        drop(back);
        assert_eq!(
            world.open(resume(&token, &reset.id.unwrap())).await.expect("counsel").await.data,
            told.data
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_tell_the_same_under_the_same_ids() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let (mut here, messages) = feed_and_counsel(&world, &token).await;
    world.say(&token, &messages, "one").await.expect(201);
    let first = next(&mut here, &["message", "rapport"]).await;

    // It begins later, and reads what was before.
    let other = world.another_gateway(|_| {}).await;
    let base = format!("http://{}", other.address);
    // Where the stream of users is told meanwhile may differ.
    let in_counsels = |events: HashMap<String, Event>| -> HashMap<String, (u64, Value)> {
        let of = |event: Event| (at(&event.id.unwrap()), event.data);
        events.into_iter().map(|(name, event)| (name, of(event))).collect()
    };
    let first = in_counsels(first);
    let before = first.values().map(|(at, _)| at - 1).min().unwrap().to_string();
    let mut there = world.open_at(&base, resume(&token, &before)).await;
    assert_eq!(in_counsels(next(&mut there, &["message", "rapport"]).await), first);
    world.say(&token, &messages, "two").await.expect(201);
    let told = in_counsels(next(&mut here, &["message", "rapport"]).await);
    assert_eq!(in_counsels(next(&mut there, &["message", "rapport"]).await), told);
    drop(there);
    other.stop().await;

    // One that reads no history knows nothing of before, but where it began.
    let young = world.another_gateway(|config| config.feed.history = Duration::ZERO).await;
    let base = format!("http://{}", young.address);
    world.open_at(&base, resume(&token, &before)).await.expect("reset").await;
    let last = told.values().map(|(at, _)| *at).max().unwrap().to_string();
    let mut feed = world.open_at(&base, resume(&token, &last)).await;
    let three = world.say(&token, &messages, "three").await.expect(201);
    let told = next(&mut feed, &["message", "rapport"]).await;
    assert_eq!(told["message"].data, as_told(&messages, &three.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_outlives_the_broker() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let (mut feed, messages) = feed_and_counsel(&world, &token).await;
    world.say(&token, &messages, "before").await.expect(201);
    next(&mut feed, &["message", "rapport"]).await;
    world.nats.kill();
    // It happens while nobody can be told.
    let during = world.say(&token, &messages, "during").await.expect(201);
    world.nats.resume().await;
    let told = next(&mut feed, &["message", "rapport"]).await;
    assert_eq!(told["message"].data, as_told(&messages, &during.body));
    let after = world.say(&token, &messages, "after").await.expect(201);
    let told = next(&mut feed, &["message", "rapport"]).await;
    assert_eq!(told["message"].data, as_told(&messages, &after.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_made_anew_begins_anew() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let (mut feed, messages) = feed_and_counsel(&world, &token).await;
    world.say(&token, &messages, "before").await.expect(201);
    next(&mut feed, &["message", "rapport"]).await;
    let nats = world.nats.connect().await;
    nats.jetstream.delete_stream("COUNSELS").await.unwrap();
    reconcile(&nats, &TopologySettings::default(), "counseling-svc").await.unwrap();
    assert_eq!(feed.next().await, None);
    let mut back = world.open(resume(&token, feed.last_id.as_deref().unwrap())).await;
    back.expect("reset").await;
    let after = world.say(&token, &messages, "after").await.expect(201);
    let told = next(&mut back, &["message", "rapport"]).await;
    assert_eq!(told["message"].data, as_told(&messages, &after.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_feed_shows_that_it_lives_and_where_it_is() {
    let world = with_feeds(|config| config.keep_alive = Duration::from_millis(100)).await;
    let (token, other) = (world.guest().await, world.guest().await);
    let mut feed = world.open(follow(&token)).await;
    feed.comment().await;
    let before = at(feed.last_id.as_deref().unwrap());
    let messages = world.counsel(&other).await;
    world.say(&other, &messages, "not for everybody").await.expect(201);
    let began = Instant::now();
    while at(feed.last_id.as_deref().unwrap()) < before + 3 {
        assert!(began.elapsed() < Duration::from_secs(20), "its id moves on with what concerns others");
        feed.comment().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_now_is_told_to_who_resumes() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cut_off = world
        .another_gateway(|config| {
            let addresses =
                shared::mesh::SERVICES.map(|service| (service.to_owned(), vec![nobody.to_string()]));
            config.static_addresses = HashMap::from(addresses);
        })
        .await;
    let mut feed = world.open_at(&format!("http://{}", cut_off.address), follow(&token)).await;
    world.counsel(&token).await;
    assert_eq!(feed.next().await, None);
    let seen = feed.last_id.unwrap();
    world.open(resume(&token, &seen)).await.expect("counsel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_limited_for_each_user_and_for_all() {
    let world = with_feeds(|config| {
        config.feed.connections = 3;
        config.feed.connections_per_user = 2;
    })
    .await;
    let (one, other) = (world.guest().await, world.guest().await);
    let first = world.open(follow(&one)).await;
    let _second = world.open(follow(&one)).await;
    let refused = world.send(follow(&one)).await;
    assert_eq!((refused.status, refused.code()), (429, "E42901"));
    assert!(refused.headers.contains_key("retry-after"));
    let _third = world.open(follow(&other)).await;
    let refused = world.send(follow(&other)).await;
    assert_eq!((refused.status, refused.code()), (503, "E50301"));
    assert!(refused.headers.contains_key("retry-after"));
    drop(first);
    eventually("its place comes free", async || {
        let call = follow(&one).header("accept", "text/event-stream");
        world.status(call).await == 200
    })
    .await;
    let deaf = world.send(follow(&other).header("accept", "application/json")).await;
    assert_eq!((deaf.status, deaf.details()), (400, vec!["Accept: must allow text/event-stream"]));
    let nobody = world.send(Call::get(FEED)).await;
    assert_eq!((nobody.status, nobody.code()), (401, "COOKIE_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_with_its_token_and_with_its_gateway() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let began = Instant::now();
    let mut short = world.open(follow(&access_token(&user_id, "AUTHORITY_USER", 2))).await;
    assert_eq!(short.next().await, None);
    assert!(began.elapsed() < Duration::from_secs(10));
    let expired = world.send(follow(&access_token(&user_id, "AUTHORITY_USER", -1))).await;
    assert_eq!((expired.status, expired.code()), (401, "ACCESS_TOKEN_EXPIRED"));

    let gateway = world.another_gateway(|_| {}).await;
    let mut feed = world.open_at(&format!("http://{}", gateway.address), follow(&token)).await;
    let began = Instant::now();
    let (ended, ()) = tokio::join!(feed.next(), gateway.stop());
    assert_eq!(ended, None);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_stream_there_is_no_feed_yet() {
    let nats = shared::testkit::NatsServer::start().await;
    let gateway = gateway::start(crate::world::gateway_config(&nats)).await.unwrap();
    let url = format!("http://{}{FEED}", gateway.address);
    let token = access_token(&shared::id::new_id(), "AUTHORITY_USER", 60);
    let response = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "E50301");
}
