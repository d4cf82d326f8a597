//! How close users and counselors are.

use std::time::Duration;

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::v1::{CounselorUserRelationship, ListRelationshipsRequest};

use crate::world::{World, by};

const DAY: Duration = Duration::from_secs(86_400);
/// What a day may add.
const MOST_A_DAY: i32 = 20;

async fn list(world: &World, user_id: &str, counselor_id: Option<&str>) -> Vec<CounselorUserRelationship> {
    let request = ListRelationshipsRequest {
        counselor_id: counselor_id.map(str::to_owned),
        ..ListRelationshipsRequest::default()
    };
    let response = world.calls().counsels().list_relationships(by(user_id, request)).await.unwrap();
    response.into_inner().counselor_user_relationships
}

/// Goes to the beginning of the next day, so that no test runs across midnight.
fn tomorrow(world: &World) {
    let now = world.clock.now();
    let midnight = now.start_of_day().plus(DAY);
    let left = u64::try_from(midnight.as_micros() - now.as_micros()).unwrap();
    world.clock.advance(Duration::from_micros(left));
}

shared::on_each_engine! {
    async fn rapport_grows_with_messages_up_to_the_days_limit(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        tomorrow(&world);
        let counsel = world.counsel().await;
        let rapport = async || list(&world, &counsel.user_id, None).await[0].rapport;
        assert_eq!(rapport().await, 0);
        world.calls().tell(&counsel, "hello").await;
        assert_eq!(rapport().await, 1);
        for number in 0..MOST_A_DAY + 3 {
            world.calls().tell(&counsel, &format!("message {number}")).await;
        }
        assert_eq!(rapport().await, MOST_A_DAY);
        // Not even in another counsel with the same counselor.
        let other = world.calls().greeted(&counsel.user_id, &counsel.counselor_id).await;
        world.calls().tell(&other, "hello").await;
        assert_eq!(rapport().await, MOST_A_DAY);

        tomorrow(&world);
        world.calls().tell(&other, "good morning").await;
        assert_eq!(rapport().await, MOST_A_DAY + 1);
    }

    async fn a_repeated_message_grows_nothing(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        for _ in 0..3 {
            world.calls().say(&counsel, "hello", &id).await.unwrap();
        }
        assert_eq!(list(&world, &counsel.user_id, None).await[0].rapport, 1);
    }

    async fn two_meet_once_however_many_counsels_they_open_at_the_same_time(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let another = world.another_instance().await;
        let [counselor, other, ..] = &world.counselors().await[..] else { panic!("two counselors") };
        let user_id = new_id();
        let calls = [world.calls(), &another.calls, world.calls(), &another.calls];
        let counsels = join_all(calls.map(|calls| calls.greeted(&user_id, &counselor.id))).await;
        let met = list(&world, &user_id, None).await;
        let [one] = &met[..] else { panic!("{met:?}") };
        assert!(counsels.iter().all(|counsel| counsel.counselor_user_relationship_id == one.id));
        assert_eq!((&one.counselor_id, &one.user_id, one.deleted_at), (&counselor.id, &user_id, None));

        // Messages in different counsels at the same time are each counted.
        let said = counsels.iter().zip(calls).map(|(counsel, calls)| calls.tell(counsel, "hello"));
        join_all(said).await;
        assert_eq!(list(&world, &user_id, None).await[0].rapport, 4);

        world.calls().greeted(&user_id, &other.id).await;
        assert_eq!(list(&world, &user_id, None).await.len(), 2);
        assert_eq!(list(&world, &user_id, Some(&counselor.id)).await[0].id, one.id);
        assert_eq!(list(&world, &user_id, Some(&other.id)).await[0].rapport, 0);
        assert!(list(&world, &new_id(), None).await.is_empty());
    }
}
