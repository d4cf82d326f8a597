//! From the stream to the effect.

use super::*;
use crate::testkit::eventually;

crate::on_each_engine! {
    async fn an_event_that_fails_at_first_takes_effect_once(engine: Engine) {
        let world = World::new(engine).await;
        let handler = NoteEffect::failing(2);
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        eventually("the effect", async || world.effects().await.len() == 1).await;
        assert_eq!(handler.calls.load(Ordering::SeqCst), 3);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn the_same_event_in_the_stream_twice_takes_effect_once(engine: Engine) {
        let world = World::new(engine).await;
        // As after an outage longer than the duplicate window: the message id is not recognised any more.
        for message_id in ["first", "second"] {
            let headers = event::OutgoingHeaders {
                id: "event-1",
                event_type: "hearlers.users.user.updated.v1",
                source: "/test-svc",
                subject: "a",
                time: "2026-01-01T00:00:00Z".to_owned(),
                correlation_id: "event-1",
                causation_id: None,
                traceparent: None,
            };
            let mut headers = headers.into_map();
            headers.insert("Nats-Msg-Id", message_id);
            let publish = world.nats.jetstream.publish_with_headers(
                "users.user.updated.a",
                headers,
                r#"{"userId":"a","changedFields":["0"]}"#.into(),
            );
            publish.await.unwrap().await.unwrap();
        }
        let handler = NoteEffect::default();
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        eventually("both are acknowledged", async || settled(&world, &EFFECTS).await == 2).await;
        assert_eq!(world.effects().await, ["event-1"]);
        assert_eq!(handler.calls.load(Ordering::SeqCst), 1);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn events_that_wait_take_effect_in_one_transaction(engine: Engine) {
        let world = World::new(engine).await;
        let handler = Watch::of(&world, None);
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        // How many of them are there when one begins is up to the broker: each may have come by itself.
        eventually("some take effect together", async || {
            let committed = world.effects().await.len() + 10;
            world.commit("a", 10).await;
            world.relay().drain().await.unwrap();
            let settled = async || settled(&world, &EFFECTS).await as usize;
            eventually("all are acknowledged", async || settled().await == committed).await;
            let visible = handler.visible.lock().await;
            assert_eq!((world.effects().await.len(), visible.len()), (committed, committed), "{visible:?}");
            visible.windows(2).any(|two| two[0] == two[1])
        })
        .await;
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn one_that_fails_among_events_that_wait_costs_the_others_nothing(engine: Engine) {
        let world = World::new(engine).await;
        world.commit("a", 10).await;
        world.relay().drain().await.unwrap();
        let consumer = world.run_consumer(&EFFECTS, Watch::of(&world, Some("4")));
        eventually("all are settled", async || settled(&world, &EFFECTS).await == 10).await;
        let mut effects = world.effects().await;
        effects.sort();
        effects.dedup();
        assert_eq!((effects.len(), world.effects().await.len()), (9, 9));
        let letter = crate::testkit::first_dead_letter(&world.nats).await;
        assert_eq!((&*letter.subject, &*letter.reason), ("users.user.updated.a", "told to fail"));
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn two_replicas_of_a_consumer_share_its_events(engine: Engine) {
        let world = World::new(engine).await;
        let handler = NoteEffect::default();
        let replicas = [world.run_consumer(&EFFECTS, handler.clone()), world.run_consumer(&EFFECTS, handler.clone())];
        world.commit("a", 10).await;
        world.commit("b", 10).await;
        world.relay().drain().await.unwrap();
        eventually("all effects", async || world.effects().await.len() == 20).await;
        eventually("all are acknowledged", async || settled(&world, &EFFECTS).await == 20).await;
        let mut effects = world.effects().await;
        effects.sort();
        effects.dedup();
        assert_eq!(effects.len(), 20);
        for replica in replicas {
            assert!(replica.finish(Duration::from_secs(5)).await);
        }
    }

    async fn two_consumers_each_apply_every_event(engine: Engine) {
        static OTHER: ConsumerSpec =
            ConsumerSpec { name: "test-other", ..EFFECTS };
        let world = World::new(engine).await;
        let consumers = [
            world.run_consumer(&EFFECTS, NoteEffect::default()),
            world.run_consumer(&OTHER, NoteEffect::default()),
        ];
        world.commit("a", 3).await;
        world.relay().drain().await.unwrap();
        eventually("effects of both", async || world.effects().await.len() == 6).await;
        for consumer in consumers {
            assert!(consumer.finish(Duration::from_secs(5)).await);
        }
    }

    async fn consumption_goes_on_after_the_broker_was_away(engine: Engine) {
        let world = World::new(engine).await;
        let consumer = world.run_consumer(&EFFECTS, NoteEffect::default());
        let relay = world.run_relay();
        world.commit("a", 1).await;
        eventually("the first effect", async || world.effects().await.len() == 1).await;
        world.server.restart().await;
        world.commit("a", 1).await;
        eventually("the second effect", async || world.effects().await.len() == 2).await;
        assert!(relay.finish(Duration::from_secs(5)).await);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn what_a_handler_publishes_names_its_cause(engine: Engine) {
        struct Answer;
        impl Handler for Answer {
            async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
                let fact: UserUpdated = event.data().map_err(HandlerError::Permanent)?;
                Ok(transaction.publish(&UserCreated { user_id: fact.user_id })?)
            }
        }
        let world = World::new(engine).await;
        let consumer = world.run_consumer(&EFFECTS, Answer);
        let relay = world.run_relay();
        world.commit("a", 1).await;
        let stream = world.nats.jetstream.get_stream("USERS").await.unwrap();
        let answered = async || stream.get_last_raw_message_by_subject("users.user.created.a").await.is_ok();
        eventually("the answer", answered).await;
        let cause = stream.get_last_raw_message_by_subject("users.user.updated.a").await.unwrap();
        let answer = stream.get_last_raw_message_by_subject("users.user.created.a").await.unwrap();
        assert_eq!(answer.headers.get("ce-causationid"), cause.headers.get("ce-id"));
        assert_eq!(answer.headers.get("ce-correlationid"), cause.headers.get("ce-correlationid"));
        assert!(relay.finish(Duration::from_secs(5)).await);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }
}

/// How many messages the consumer has acknowledged without a gap.
async fn settled(world: &World, spec: &ConsumerSpec) -> u64 {
    let stream = world.nats.jetstream.get_stream(spec.stream).await.unwrap();
    let Ok(info) = stream.consumer_info(spec.name).await else { return 0 };
    info.ack_floor.consumer_sequence
}

/// Notes each event, and how many effects others can see meanwhile; buries the fact with one number.
#[derive(Clone)]
struct Watch {
    database: Database,
    visible: Arc<tokio::sync::Mutex<Vec<i64>>>,
    buried: Option<&'static str>,
}

impl Watch {
    fn of(world: &World, buried: Option<&'static str>) -> Self {
        Self { database: world.database.clone(), visible: Arc::default(), buried }
    }
}

impl Handler for Watch {
    async fn handle(&self, event: &ReceivedEvent, transaction: &Transaction) -> Result<(), HandlerError> {
        Handler::handle(&NoteEffect::default(), event, transaction).await?;
        let data = event.data::<UserUpdated>().map_err(HandlerError::Permanent)?;
        if self.buried.is_some_and(|number| data.changed_fields == [number]) {
            return Err(HandlerError::Permanent("told to fail".to_owned()));
        }
        let count = Statement::from_string(self.database.backend(), "SELECT COUNT(*) AS n FROM effect");
        let row = self.database.read().query_one_raw(count).await.map_err(Error::from)?;
        let number = row.unwrap().try_get("", "n").unwrap();
        self.visible.lock().await.push(number);
        Ok(())
    }
}
