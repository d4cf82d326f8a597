//! This version beside the next one: on a schema that has migrations nobody here knows.

use shared::id::new_id;
use shared::messaging::SETTLE_RESERVATIONS;
use shared::proto::events::v1::{CounselMessageFailed, CounselMessageFailure, UserCreated};
use shared::testkit::{Neighbour, eventually, next_release, schema};

use crate::world::{Instance, World};

/// A user comes and reserves tokens, and what counseling-svc tells of them takes effect.
async fn use_it(world: &World, instance: &Instance, counseling: &Neighbour) {
    let user_id = world.guest().await.id;
    assert_eq!(world.events::<UserCreated>(&user_id).await.len(), 1);
    let kept = new_id();
    instance.reserve(&user_id, &kept).await.unwrap();
    let released = new_id();
    instance.reserve(&user_id, &released).await.unwrap();
    let (counsel_id, user_message_id) = (new_id(), new_id());
    let failed = CounselMessageFailed {
        counsel_id,
        user_id: user_id.clone(),
        user_message_id,
        reservation_id: released,
        failure: CounselMessageFailure::Assistant.into(),
    };
    counseling.tell(&failed).await;
    eventually("one of two is released", async || instance.tokens_of(&user_id).await.reserved == 1).await;
    world.idle(&SETTLE_RESERVATIONS).await;
}

shared::on_each_engine! {
    async fn this_version_goes_on_and_starts_on_the_schema_of_the_next_one(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        use_it(&world, &world.service, &counseling).await;
        next_release(world.database()).await;
        let later = schema(world.database()).await;
        // While the next version is rolled out, and after it was rolled back.
        use_it(&world, &world.service, &counseling).await;
        let again = world.another_instance().await;
        use_it(&world, &again, &counseling).await;
        assert_eq!(schema(world.database()).await, later);
        again.running.stop().await;
    }
}
