//! What operators do.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use futures::TryStreamExt;

use super::*;
use crate::health::Health;
use crate::mesh::{Instance, Registration, RegistrySettings};
use crate::messaging::CREDIT_TOKENS;

/// The consumer of user-svc that credits bought tokens, without its service.
async fn credits(world: &World) -> Consumer<pull::Config> {
    let config = pull::Config {
        durable_name: Some(CREDIT_TOKENS.name.to_owned()),
        filter_subjects: CREDIT_TOKENS.facts.iter().map(|fact| format!("{fact}.>")).collect(),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    world.nats.jetstream.create_consumer_on_stream(config, CREDIT_TOKENS.stream).await.unwrap()
}

async fn paid(world: &World, order: &str) -> String {
    world.tell("payments.order.paid", order, json!({ "orderId": order }), Told::default()).await
}

/// Takes what the consumer is given now, and acknowledges it.
async fn consume(consumer: &Consumer<pull::Config>) -> Vec<String> {
    let messages = consumer.fetch().max_messages(100).messages().await.unwrap();
    let messages: Vec<_> = messages.try_collect().await.unwrap();
    for message in &messages {
        message.double_ack().await.unwrap();
    }
    messages.iter().map(|message| message.subject.to_string()).collect()
}

#[tokio::test]
async fn a_dead_letter_is_seen_replayed_once_and_on_record() {
    let world = World::new().await;
    let id = paid(&world, "o").await;
    world.updated("u").await;
    world.bury("user-svc-credits", "payments.order.paid.o", "no such user").await;
    world.bury("counseling-svc-erasure", "users.user.updated.u", "broken").await;

    let letters = async |consumer, subject: Option<&str>| {
        let filter = Filter { subject: subject.map(str::to_owned), ..Filter::default() };
        world.console.dead_letters(consumer, &filter, 10).await.unwrap()
    };
    assert_eq!(letters(None, None).await.len(), 2);
    assert_eq!(letters(None, Some("users.user")).await[0].sequence, 2);
    assert!(letters(Some("user-svc-credits"), Some("users.user")).await.is_empty());
    let of_credits = letters(Some("user-svc-credits"), None).await;
    assert_eq!(of_credits, [world.console.dead_letter(1).await.unwrap()]);
    let wrong = world.console.dead_letters(Some("*"), &Filter::default(), 10).await.unwrap_err();
    assert!(wrong.to_string().starts_with("consumer: must be a name"), "{wrong}");
    let letter = &of_credits[0];
    assert_eq!((letter.reason.as_str(), letter.deliveries), ("no such user", 3));
    assert_eq!(
        (letter.published_on.as_str(), letter.origin.as_str()),
        ("payments.order.paid.o", "PAYMENTS:1")
    );
    assert_eq!(letter.event.data["orderId"], "o");

    // Two operators at once.
    let both = tokio::join!(world.console.replay_dead_letter(1), world.console.replay_dead_letter(1));
    assert!(
        matches!(both, (Done::Done, Done::Done | Done::Missing) | (Done::Missing, Done::Done)),
        "{both:?}"
    );
    assert_eq!(world.console.replay_dead_letter(1).await, Done::Missing);
    assert_eq!((world.messages("DLQ").await, world.messages("PAYMENTS").await), (1, 2));
    let replayed = world.console.event("PAYMENTS:2").await.unwrap();
    assert_eq!(replayed.id.as_ref(), Some(&id));
    assert_eq!(replayed.headers["mesh-replay-for"], "user-svc-credits");
    assert!(!replayed.headers.keys().any(|name| name.starts_with("mesh-dlq-")), "{:?}", replayed.headers);

    let record = world.record().await;
    let expected = json!({
        "deadLetter": "1",
        "consumer": "user-svc-credits",
        "subject": "payments.order.paid.o",
        "operator": "an-admin",
    });
    assert!(
        record
            .iter()
            .all(|(fact, data)| fact == "operations.dead_letter.replay_requested" && *data == expected)
    );
    assert!(!record.is_empty());
}

#[tokio::test]
async fn a_replay_that_died_half_way_is_finished_by_the_next_one() {
    let world = World::new().await;
    paid(&world, "o").await;
    world.bury("user-svc-credits", "payments.order.paid.o", "broken").await;
    // The copy was published, and the letter is still there.
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "replay:1");
    world.publish("payments.order.paid.o", headers, "{}".into()).await;
    assert_eq!(world.console.replay_dead_letter(1).await, Done::Done);
    assert_eq!((world.messages("DLQ").await, world.messages("PAYMENTS").await), (0, 2));

    paid(&world, "o").await;
    world.bury("user-svc-credits", "payments.order.paid.o", "broken again").await;
    assert_eq!(world.console.replay_dead_letter(2).await, Done::Done);
    assert_eq!(world.messages("PAYMENTS").await, 4, "another letter is another replay");
}

#[tokio::test]
async fn a_discarded_letter_is_gone_and_on_record_with_the_reason() {
    let world = World::new().await;
    world.publish("users.user.updated.poison", HeaderMap::new(), "not an event".into()).await;
    world.bury("user-svc-credits", "users.user.updated.poison", "not a CloudEvent").await;
    assert_eq!(world.console.discard_dead_letter(1, "a test of mine").await, Done::Done);
    assert_eq!(world.console.discard_dead_letter(1, "a test of mine").await, Done::Missing);
    assert_eq!((world.messages("DLQ").await, world.messages("USERS").await), (0, 1));
    let record = world.record().await;
    assert_eq!(record.len(), 1);
    assert_eq!(record[0].0, "operations.dead_letter.discard_requested");
    assert_eq!(
        (&record[0].1["reason"], &record[0].1["operator"]),
        (&"a test of mine".into(), &"an-admin".into())
    );
}

#[tokio::test]
async fn a_paused_consumer_lags_until_it_is_resumed() {
    let world = World::new().await;
    let consumer = credits(&world).await;
    let state = async || {
        let states = world.console.consumers().await.unwrap();
        states.into_iter().find(|state| state.name == CREDIT_TOKENS.name).unwrap()
    };
    assert_eq!((state().await.pending, state().await.paused_seconds), (0, None));
    world.console.pause(CREDIT_TOKENS.name, Duration::from_secs(600)).await.unwrap();
    paid(&world, "o").await;
    assert!(consume(&consumer).await.is_empty());
    let paused = state().await;
    assert_eq!((paused.pending, paused.owner), (1, Some("user-svc")));
    assert!(paused.paused_seconds.is_some_and(|left| left > 500));
    world.console.resume(CREDIT_TOKENS.name).await.unwrap();
    assert_eq!(consume(&consumer).await, ["payments.order.paid.o"]);
    let resumed = state().await;
    assert_eq!((resumed.pending, resumed.acknowledged_to, resumed.paused_seconds), (0, 1, None));
    let facts: Vec<_> = world.record().await.into_iter().map(|(fact, _)| fact).collect();
    assert_eq!(facts, ["operations.consumer.pause_requested", "operations.consumer.resume_requested"]);
    for unknown in ["nobody", "user-svc-passes"] {
        let error = world.console.pause(unknown, Duration::from_secs(1)).await.unwrap_err();
        assert!(matches!(error, Error::NotFound("consumer")), "{error}");
    }
}

#[tokio::test]
async fn a_span_is_delivered_again_to_one_consumer() {
    let world = World::new().await;
    let consumer = credits(&world).await;
    paid(&world, "one").await;
    world.tell("payments.order.failed", "not-for-it", json!({}), Told::default()).await;
    for order in ["two", "three"] {
        paid(&world, order).await;
    }
    assert_eq!(consume(&consumer).await.len(), 3);
    assert_eq!(world.console.would_replay(CREDIT_TOKENS.name, From::Sequence(2)).await.unwrap(), (3, 2));
    assert!(consume(&consumer).await.is_empty());
    assert_eq!(world.console.replay(CREDIT_TOKENS.name, From::Sequence(2)).await.unwrap(), 2);
    assert_eq!(consume(&consumer).await, ["payments.order.paid.two", "payments.order.paid.three"]);
    assert_eq!(world.messages("PAYMENTS").await, 4, "nothing is stored again");

    let third = world.console.event("PAYMENTS:4").await.unwrap();
    assert_eq!(world.console.replay(CREDIT_TOKENS.name, From::Time(third.stored_at)).await.unwrap(), 1);
    assert_eq!(consume(&consumer).await, ["payments.order.paid.three"]);
    let error = world.console.replay(CREDIT_TOKENS.name, From::Sequence(9)).await.unwrap_err();
    assert!(error.to_string().contains("from"), "{error}");
    assert_eq!(world.record().await[0].1["fromSequence"], "3");
}

#[tokio::test]
async fn an_instance_is_asked_to_leave_by_the_beginning_of_its_id() {
    let world = World::new().await;
    let register = async |id: &str| {
        let instance = Instance {
            service: "user-svc".to_owned(),
            id: id.to_owned(),
            address: "127.0.0.1:1".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: 0,
        };
        let nats = world.server.connect_as("user-svc").await;
        let settings = RegistrySettings { ttl: Duration::from_secs(60), ..RegistrySettings::default() };
        Registration::register(&nats.jetstream, instance, settings, Health::default()).await.unwrap()
    };
    let (one, two) = (register("abc-1").await, register("abd-2").await);
    let error = world.console.drain("ab").await.unwrap_err();
    assert!(error.to_string().contains("must name one instance"), "{error}");
    for nobody in ["", "x"] {
        assert!(matches!(world.console.drain(nobody).await, Err(Error::NotFound("instance"))), "{nobody}");
    }
    assert_eq!(world.console.drain("abc").await.unwrap().id, "abc-1");
    tokio::time::timeout(crate::testkit::LIMIT, one.drained()).await.unwrap();
    assert!(!world.console.has_left("abc-1", Duration::ZERO).await.unwrap());
    one.leave().await;
    assert!(world.console.has_left("abc-1", crate::testkit::LIMIT).await.unwrap());
    assert!(futures::FutureExt::now_or_never(two.drained()).is_none(), "only the one that was named");
    assert_eq!(world.record().await[0].1["instance"], "abc-1");
}
