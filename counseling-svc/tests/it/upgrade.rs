//! This version beside the next one: on a schema that has migrations nobody here knows.

use shared::id::new_id;
use shared::proto::events::v1::CounselMessageCreated;
use shared::testkit::{next_release, schema};

use crate::world::{Calls, World};

/// Somebody opens a counsel, says something and reads it all.
async fn talk(world: &World, calls: &Calls) {
    let counsel = calls.greeted(&new_id(), &world.counselor().await.id).await;
    let pair = calls.tell(&counsel, "work was hard today").await;
    let texts = calls.texts(&counsel).await;
    assert!(texts.contains(&pair.message.message) && texts.contains(&pair.reply.message), "{texts:?}");
    assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
    assert!(!world.active_version().await.id.is_empty());
}

shared::on_each_engine! {
    async fn this_version_goes_on_and_starts_on_the_schema_of_the_next_one(engine: Engine) {
        let world = World::new(engine).await;
        talk(&world, world.calls()).await;
        next_release(world.database()).await;
        let later = schema(world.database()).await;
        // While the next version is rolled out, and after it was rolled back.
        talk(&world, world.calls()).await;
        let again = world.another_instance().await;
        talk(&world, &again.calls).await;
        assert_eq!(schema(world.database()).await, later);
        again.running.stop().await;
    }
}
