//! What cannot be applied is kept, and can be replayed.

use super::*;
use crate::messaging::dead_letter;
use crate::testkit::{eventually, idle};

async fn letters(world: &World) -> u64 {
    world.nats.jetstream.get_stream(DEAD_LETTERS).await.unwrap().cached_info().state.messages
}

crate::on_each_engine! {
    async fn a_message_that_can_never_be_read_goes_to_the_dead_letters_at_once(engine: Engine) {
        let world = World::new(engine).await;
        let handler = NoteEffect::default();
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        let publish = world.nats.jetstream.publish("users.user.updated.poison", "not an event".into());
        publish.await.unwrap().await.unwrap();
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        eventually("the dead letter", async || letters(&world).await == 1).await;
        eventually("the next event", async || world.effects().await.len() == 1).await;
        let letter = dead_letter::get(&world.nats, 1).await.unwrap().unwrap();
        assert_eq!(letter.consumer, "test-effects");
        assert_eq!(letter.subject, "users.user.updated.poison");
        assert_eq!(letter.reason, "not a CloudEvent: the header ce-id is missing");
        let stream = world.nats.jetstream.get_stream(DEAD_LETTERS).await.unwrap();
        let raw = stream
            .get_last_raw_message_by_subject("dlq.test-effects.users.user.updated.poison")
            .await
            .unwrap();
        assert_eq!(raw.payload, "not an event");
        assert_eq!(raw.headers.get("mesh-dlq-stream").unwrap().as_str(), "USERS");
        assert_eq!(raw.headers.get("mesh-dlq-sequence").unwrap().as_str(), "1");
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn an_event_that_fails_every_time_is_replayed_once_it_can_succeed(engine: Engine) {
        let world = World::new(engine).await;
        let handler = NoteEffect::failing(3);
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        eventually("the dead letter", async || letters(&world).await == 1).await;
        assert!(world.effects().await.is_empty());
        let letter = dead_letter::get(&world.nats, 1).await.unwrap().unwrap();
        assert_eq!(letter.reason, "delivery 3 failed: internal error: told to fail: told to fail");

        assert!(dead_letter::replay(&world.nats, 1).await.unwrap());
        eventually("the effect", async || world.effects().await.len() == 1).await;
        assert_eq!(letters(&world).await, 0);
        assert!(!dead_letter::replay(&world.nats, 1).await.unwrap());
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn a_replay_reaches_only_the_consumer_that_failed(engine: Engine) {
        static BYSTANDER: ConsumerSpec =
            ConsumerSpec { name: "test-bystander", ..EFFECTS };
        let world = World::new(engine).await;
        let failing = world.run_consumer(&EFFECTS, NoteEffect::failing(3));
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        eventually("the dead letter", async || letters(&world).await == 1).await;
        let bystander = NoteEffect::default();
        let other = world.run_consumer(&BYSTANDER, bystander.clone());
        eventually("the bystander's effect", async || world.effects().await.len() == 1).await;

        assert!(dead_letter::replay(&world.nats, 1).await.unwrap());
        eventually("the effect", async || world.effects().await.len() == 2).await;
        idle(&world.nats, &BYSTANDER).await;
        assert_eq!(bystander.calls.load(Ordering::SeqCst), 1);
        for consumer in [failing, other] {
            assert!(consumer.finish(Duration::from_secs(5)).await);
        }
    }
}
