//! What a feed tells of message tokens, and how it resumes in two streams.

use async_nats::HeaderMap;
use serde_json::{Value, json};
use shared::id::new_id;
use shared::messaging::{Event as Fact, TopologySettings, reconcile};
use shared::proto::events::v1::{AllowanceChanged, TokensCredited};
use shared::testkit::Engine;

use super::{Events, World, feed_and_counsel, follow, next, resume, with_feeds};
use crate::orders::{self, bought, refund};
use crate::sse::Event;
use crate::world::Call;

/// The user's tokens, as it sees them itself.
async fn tokens(world: &World, token: &str) -> Value {
    world.send(Call::get("/v1/users/me/tokens").by(token)).await.expect(200).body["data"].clone()
}

/// What a feed tells next: that the user has these bought tokens.
async fn told(feed: &mut Events, purchased: i32) -> Value {
    let event = feed.expect("tokens").await;
    assert_eq!(event.data["tokens"]["purchased"], purchased, "{event:?}");
    event.data
}

/// Publishes a fact, in the place of its service.
async fn publish<F: Fact>(world: &World, fact: &F) {
    let mut headers = HeaderMap::new();
    let (id, kind) = (new_id(), format!("hearlers.{}.v1", F::SUBJECT));
    for (name, value) in [("ce-id", id.as_str()), ("ce-type", kind.as_str()), ("ce-source", "test")] {
        headers.insert(name, value);
    }
    let subject = format!("{}.{}", F::SUBJECT, fact.aggregate_id());
    let data = serde_json::to_vec(fact).unwrap().into();
    let nats = world.nats.connect().await;
    nats.jetstream.publish_with_headers(subject, headers, data).await.unwrap().await.unwrap();
}

/// Says that a user got tokens, which says nothing of how many there are.
async fn credited(world: &World, user_id: &str) {
    let fact = TokensCredited { user_id: user_id.to_owned(), order_id: new_id(), amount: 1 };
    publish(world, &fact).await;
}

shared::on_each_engine! {
    async fn every_device_hears_of_a_purchase_and_of_a_refund_and_a_stranger_does_not(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (user, stranger, admin) = (world.guest().await, world.guest().await, world.admin().await);
        let other = world.another_gateway(|_| {}).await;
        let mut phone = world.open(follow(&user)).await;
        let mut web = world.open_at(&format!("http://{}", other.address), follow(&user)).await;
        let mut theirs = world.open(follow(&stranger)).await;

        let order = Box::pin(bought(&world, &user)).await;
        let first = told(&mut phone, 100).await;
        assert_eq!(first, tokens(&world, &user).await);
        assert_eq!(told(&mut web, 100).await, first);

        refund(&world, &admin, &order, Some(1950)).await;
        for feed in [&mut phone, &mut web] {
            assert_eq!(told(feed, 50).await, tokens(&world, &user).await);
        }
        // The first that a stranger is told is its own.
        world.counsel(&stranger).await;
        theirs.expect("counsel").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_allowance_is_told_as_well() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let mut feed = world.open(follow(&user)).await;
    publish(&world, &AllowanceChanged { user_id: world.id_of(&user).await }).await;
    assert_eq!(told(&mut feed, 0).await, tokens(&world, &user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_every_id_a_client_misses_nothing_of_either_stream() {
    let world = with_feeds(|config| config.feed.connections_per_user = 20).await;
    let user = world.guest().await;
    let user_id = world.id_of(&user).await;
    let (mut feed, messages) = feed_and_counsel(&world, &user).await;
    let mut ids = vec![feed.last_id.clone().unwrap()];
    let mut names = Vec::new();
    let mut note = |event: Event| {
        ids.push(event.id.unwrap());
        names.push(event.name);
    };
    for text in ["one", "two"] {
        credited(&world, &user_id).await;
        note(feed.expect("tokens").await);
        world.say(&user, &messages, text).await.expect(201);
        next(&mut feed, &["message", "rapport"]).await.into_values().for_each(&mut note);
    }
    // What was told in no order of its own was not told under ids in an order either.
    let place = |id: &String| id.split('-').map(|at| at.parse::<u64>().unwrap()).collect::<Vec<_>>();
    let mut told: Vec<_> = std::iter::once(String::new()).chain(names).zip(ids).collect();
    told.sort_by_key(|(_, id)| place(id));

    let mut feeds = vec![feed];
    for (at, (_, id)) in told.iter().enumerate() {
        let mut back = world.open(resume(&user, id)).await;
        let mut missed: Vec<_> = told[at + 1..].iter().map(|(name, _)| name.clone()).collect();
        for _ in at + 1..told.len() {
            let event = back.next().await.unwrap();
            let at = missed.iter().position(|name| *name == event.name);
            missed.swap_remove(at.unwrap_or_else(|| panic!("{event:?} is none of {missed:?}, after {id}")));
        }
        feeds.push(back);
    }
    // Nothing is told twice: what comes next is new.
    credited(&world, &user_id).await;
    for feed in &mut feeds {
        feed.expect("tokens").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_an_older_gateway_is_understood() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let user_id = world.id_of(&user).await;
    let (feed, messages) = feed_and_counsel(&world, &user).await;
    let id = feed.last_id.clone().unwrap();
    let (counsels, _) = id.split_once('-').unwrap();
    credited(&world, &user_id).await;
    world.say(&user, &messages, "meanwhile").await.expect(201);
    let mut back = world.open(resume(&user, counsels)).await;
    next(&mut back, &["message", "rapport", "tokens"]).await;
    // From then on its ids know of both.
    let mut again = world.open(resume(&user, back.last_id.as_deref().unwrap())).await;
    credited(&world, &user_id).await;
    again.expect("tokens").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_missed_too_much_of_one_stream_reads_again() {
    let world = with_feeds(|config| config.feed.events = 3).await;
    let user = world.guest().await;
    let user_id = world.id_of(&user).await;
    let mut feed = world.open(follow(&user)).await;
    credited(&world, &user_id).await;
    let long_ago = feed.expect("tokens").await.id.unwrap();
    for _ in 0..4 {
        credited(&world, &user_id).await;
        feed.expect("tokens").await;
    }
    let mut back = world.open(resume(&user, &long_ago)).await;
    let reset = back.expect("reset").await;
    assert_eq!(reset.data, json!({}));
    credited(&world, &user_id).await;
    back.expect("tokens").await;
    world.open(resume(&user, &reset.id.unwrap())).await.expect("tokens").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_told_although_the_broker_was_away() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let mut feed = world.open(follow(&user)).await;
    let created = world.send(orders::create(&user, "one", &orders::pack())).await.expect(201);
    let key = orders::pay(&created, orders::CARD).await;
    world.nats.kill();
    // It is paid while nobody can be told.
    world.send(orders::confirm(&user, &created.text("/order/id"), &key)).await.expect(200);
    world.nats.resume().await;
    told(&mut feed, 100).await;
    world.counsel(&user).await;
    feed.expect("counsel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_stream_of_users_was_made_anew_clients_read_again() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let user_id = world.id_of(&user).await;
    let mut feed = world.open(follow(&user)).await;
    credited(&world, &user_id).await;
    feed.expect("tokens").await;
    let nats = world.nats.connect().await;
    nats.jetstream.delete_stream("USERS").await.unwrap();
    reconcile(&nats, &TopologySettings::default(), "user-svc").await.unwrap();
    assert_eq!(feed.next().await, None);
    let mut back = world.open(resume(&user, feed.last_id.as_deref().unwrap())).await;
    back.expect("reset").await;
    credited(&world, &user_id).await;
    back.expect("tokens").await;
}
