//! From the commit to the stream.

use super::*;
use crate::testkit::eventually;
use crate::time::Clock;

fn in_order(count: usize) -> Vec<usize> {
    (0..count).collect()
}

crate::on_each_engine! {
    async fn a_rolled_back_transaction_publishes_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let transaction = world.database.begin().await.unwrap();
        transaction.publish(&fact("rolled-back", 0)).unwrap();
        drop(transaction);
        world.commit("committed", 1).await;
        world.relay().drain().await.unwrap();
        assert_eq!(world.published().await, BTreeMap::from([("committed".to_owned(), vec![0])]));
    }

    async fn what_was_committed_before_a_crash_is_published_after_it(engine: Engine) {
        let world = World::new(engine).await;
        // No relay runs: the process died right after each commit.
        world.commit("a", 5).await;
        world.commit("b", 5).await;
        let relay = world.run_relay();
        eventually("the outbox is empty", async || world.backlog().await == 0).await;
        assert!(relay.finish(Duration::from_secs(5)).await);
        let facts = world.published().await;
        assert_eq!(facts, BTreeMap::from([("a".to_owned(), in_order(5)), ("b".to_owned(), in_order(5))]));
    }

    async fn a_crash_between_publish_and_mark_publishes_nothing_twice(engine: Engine) {
        let world = World::new(engine).await;
        world.commit("a", 3).await;
        let lanes: Vec<_> = (0..outbox::LANES).collect();
        let waiting = outbox::waiting(world.database.read(), &lanes, 0, 100).await.unwrap();
        assert_eq!(world.relay().publish(waiting).await.len(), 3);
        // The first relay died before it marked anything; the next one publishes everything again.
        assert_eq!(world.backlog().await, 3);
        world.relay().drain().await.unwrap();
        assert_eq!(world.backlog().await, 0);
        assert_eq!(world.published().await, BTreeMap::from([("a".to_owned(), in_order(3))]));
    }

    async fn events_wait_while_the_broker_is_down_and_keep_their_order(engine: Engine) {
        let world = World::new(engine).await;
        let relay = world.run_relay();
        world.commit("a", 2).await;
        eventually("the relay works", async || world.backlog().await == 0).await;
        world.server.kill();
        for _ in 0..3 {
            world.commit("b", 1).await;
        }
        world.commit("c", 4).await;
        assert_eq!(world.backlog().await, 7);
        world.server.resume().await;
        eventually("the outbox is empty", async || world.backlog().await == 0).await;
        assert!(relay.finish(Duration::from_secs(5)).await);
        let facts = world.published().await;
        assert_eq!(facts["a"], in_order(2));
        assert_eq!(facts["b"], [0, 0, 0]);
        assert_eq!(facts["c"], in_order(4));
    }

    async fn replicas_share_the_outbox_and_keep_the_order_of_each_aggregate(engine: Engine) {
        let world = World::new(engine).await;
        let relays = [world.run_relay(), world.run_relay(), world.run_relay()];
        let users: Vec<_> = (0..12).map(|user| format!("user-{user}")).collect();
        futures::future::join_all(users.iter().map(|user| world.commit(user, 8))).await;
        eventually("the outbox is empty", async || world.backlog().await == 0).await;
        for relay in relays {
            assert!(relay.finish(Duration::from_secs(5)).await);
        }
        let facts = world.published().await;
        assert_eq!(facts.len(), users.len());
        for (user, numbers) in facts {
            assert_eq!(numbers, in_order(8), "{user}");
        }
    }

    async fn who_commits_later_about_an_aggregate_has_later_events(engine: Engine) {
        let world = World::new(engine).await;
        let first = world.database.begin().await.unwrap();
        let events = vec![outbox::row(&fact("a", 0)).unwrap()];
        // As far as `Transaction::commit` comes before it commits.
        outbox::append(&*first, events).await.unwrap();
        let (database, other) = (world.database.clone(), world.database.clone());
        let second = tokio::spawn(async move {
            let transaction = database.begin().await.unwrap();
            transaction.publish(&fact("a", 1)).unwrap();
            transaction.commit().await.unwrap();
        });
        // SQLite has one writer: there the second has not even begun.
        if engine == Engine::Postgres {
            let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            let waits = Statement::from_string(world.backend(), waits);
            eventually("the second waits for the first", async || {
                other.read().query_one_raw(waits.clone()).await.unwrap().is_some()
            })
            .await;
        }
        world.relay().drain().await.unwrap();
        first.commit().await.unwrap();
        second.await.unwrap();
        world.relay().drain().await.unwrap();
        assert_eq!(world.published().await, BTreeMap::from([("a".to_owned(), vec![0, 1])]));
    }

    async fn a_lease_that_a_wrong_clock_gave_holds_nobody_up(engine: Engine) {
        let world = World::new(engine).await;
        world.commit("a", 1).await;
        let lease = RelaySettings::default().lease;
        let leased = async |ahead: Duration| {
            let until = Clock::system().now().plus(ahead).as_micros();
            let lease = format!("UPDATE outbox_lane SET owner = 'gone', leased_until = {until}");
            world.database.write().execute_unprepared(&lease).await.unwrap();
            world.relay().drain().await.unwrap();
            world.backlog().await == 1
        };
        assert!(leased(lease).await, "it may be there and publish");
        assert!(!leased(lease * 100).await, "the clock that said so has been put back");
        assert_eq!(world.published().await, BTreeMap::from([("a".to_owned(), vec![0])]));
    }

    async fn many_batches_are_published_in_order_and_marked(engine: Engine) {
        let world = World::new(engine).await;
        for user in ["a", "b", "c"] {
            let transaction = world.database.begin().await.unwrap();
            (0..300).for_each(|number| transaction.publish(&fact(user, number)).unwrap());
            transaction.commit().await.unwrap();
        }
        world.relay().drain().await.unwrap();
        assert_eq!(world.backlog().await, 0);
        let facts = world.published().await;
        assert_eq!(facts.len(), 3);
        for (user, numbers) in facts {
            assert_eq!(numbers, in_order(300), "{user}");
        }
        // Its lanes are free again, for whoever comes next.
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        assert_eq!(world.backlog().await, 0);
    }

    async fn an_event_is_a_cloud_event_that_any_nats_tool_can_read(engine: Engine) {
        let world = World::new(engine).await;
        let transaction = world.database.begin().await.unwrap();
        transaction.publish(&UserCreated { user_id: "u-1".to_owned() }).unwrap();
        transaction.commit().await.unwrap();
        world.relay().drain().await.unwrap();
        let stream = world.nats.jetstream.get_stream("USERS").await.unwrap();
        let message = stream.get_last_raw_message_by_subject("users.user.created.u-1").await.unwrap();
        let header = |name: &str| message.headers.get(name).map(ToString::to_string).unwrap_or_default();
        assert_eq!(header("ce-specversion"), "1.0");
        assert_eq!(header("ce-type"), "hearlers.users.user.created.v1");
        assert_eq!(header("ce-source"), "/test-svc");
        assert_eq!(header("ce-subject"), "u-1");
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("ce-id"), header("Nats-Msg-Id"));
        assert_eq!(header("ce-correlationid"), header("ce-id"));
        assert!(header("ce-time").ends_with('Z'));
        assert_eq!(message.payload, r#"{"userId":"u-1"}"#);
    }
}
