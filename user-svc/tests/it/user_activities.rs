//! `UserActivityService`.

use std::time::Duration;

use futures::future::join_all;
use shared::id::new_id;
use shared::messaging::TRACK_USERS;
use shared::proto::events::v1::{CounselCreated, CounselMessageCreated};
use shared::proto::v1::{
    ActivityType, DeleteUserRequest, DevicePlatform, GetUserTrackingRequest, ListUserActivitiesRequest,
    RecordUserActivityRequest, UpdateUserTrackingRequest, UserActivity, UserTracking,
};
use shared::testkit::{Neighbour, eventually};
use shared::time::Timestamp;
use tonic::{Code, Status};

use crate::world::{World, admin, by, refused, violated};

fn login(user_id: &str) -> RecordUserActivityRequest {
    RecordUserActivityRequest {
        id: new_id(),
        user_id: user_id.to_owned(),
        activity_type: ActivityType::Login.into(),
        device_platform: DevicePlatform::Ios.into(),
    }
}

async fn record(world: &World, request: RecordUserActivityRequest) -> Result<UserActivity, Status> {
    let owner = request.user_id.clone();
    let response = world.service.activities().record_user_activity(by(&owner, request)).await?;
    Ok(response.into_inner().user_activity.unwrap())
}

async fn list(world: &World, user_id: &str, limit: Option<i32>) -> Result<Vec<UserActivity>, Status> {
    let request = ListUserActivitiesRequest { user_id: user_id.to_owned(), limit };
    let response = world.service.activities().list_user_activities(by(user_id, request)).await?;
    Ok(response.into_inner().user_activities)
}

async fn tracking(world: &World, user_id: &str) -> UserTracking {
    let request = GetUserTrackingRequest { user_id: user_id.to_owned() };
    let response = world.service.activities().get_user_tracking(by(user_id, request)).await.unwrap();
    response.into_inner().user_tracking.unwrap()
}

shared::on_each_engine! {
    async fn an_activity_is_recorded_once(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let request = login(&user_id);
        let recorded = join_all((0..4).map(|_| record(&world, request.clone()))).await;
        let first = recorded[0].as_ref().unwrap();
        assert_eq!((&first.id, &first.user_id), (&request.id, &user_id));
        assert_eq!(first.activity_type(), ActivityType::Login);
        assert_eq!(first.device_platform(), DevicePlatform::Ios);
        assert!(recorded.iter().all(|again| again.as_ref().unwrap() == first), "{recorded:?}");
        assert_eq!(list(&world, &user_id, None).await.unwrap(), std::slice::from_ref(first));
        assert_eq!(tracking(&world, &user_id).await.last_active_at, first.created_at);
    }

    async fn activities_are_listed_newest_first_up_to_a_limit(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, somebody_else) = (world.guest().await.id, world.guest().await.id);
        let mut recorded = Vec::new();
        for _ in 0..53 {
            recorded.push(record(&world, login(&user_id)).await.unwrap());
        }
        record(&world, login(&somebody_else)).await.unwrap();
        recorded.reverse();
        assert_eq!(list(&world, &user_id, None).await.unwrap(), recorded[..50]);
        assert_eq!(list(&world, &user_id, Some(2)).await.unwrap(), recorded[..2]);
        assert_eq!(list(&world, &user_id, Some(200)).await.unwrap(), recorded);
        for bad in [0, 201, -1] {
            assert_eq!(violated(list(&world, &user_id, Some(bad)).await), ["limit"]);
        }
    }

    async fn a_bad_activity_names_every_field(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let request = RecordUserActivityRequest {
            id: "x".to_owned(),
            activity_type: 99,
            device_platform: DevicePlatform::Unspecified.into(),
            user_id: user_id.clone(),
        };
        let fields = ["id", "activity_type", "device_platform"];
        assert_eq!(violated(record(&world, request).await), fields);
        refused(record(&world, login(&new_id())).await, Code::NotFound, "user not found");
        assert!(list(&world, &user_id, None).await.unwrap().is_empty());
    }

    async fn activities_are_nobody_elses_business(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, somebody_else) = (world.guest().await.id, world.guest().await.id);
        let recorded = record(&world, login(&user_id)).await.unwrap();
        let same_id = RecordUserActivityRequest { id: recorded.id, ..login(&somebody_else) };
        refused(record(&world, same_id).await, Code::NotFound, "user activity not found");

        let mut client = world.service.activities();
        let result = client.record_user_activity(by(&somebody_else, login(&user_id))).await;
        refused(result, Code::NotFound, "user not found");
        let request = ListUserActivitiesRequest { user_id: user_id.clone(), limit: None };
        let result = client.list_user_activities(by(&somebody_else, request)).await;
        refused(result, Code::NotFound, "user not found");
        let request = GetUserTrackingRequest { user_id: user_id.clone() };
        let result = client.get_user_tracking(by(&somebody_else, request.clone())).await;
        refused(result, Code::NotFound, "user not found");
        assert!(client.get_user_tracking(admin(request)).await.is_ok());
        let request = UpdateUserTrackingRequest { user_id, onboarding_completed: Some(true) };
        let result = client.update_user_tracking(by(&somebody_else, request)).await;
        refused(result, Code::NotFound, "user not found");
    }

    async fn an_update_of_a_tracking_changes_what_is_present(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        for (onboarding_completed, expected) in [(Some(true), true), (None, true), (Some(false), false)] {
            let request = UpdateUserTrackingRequest { user_id: user_id.clone(), onboarding_completed };
            let response = world.service.activities().update_user_tracking(by(&user_id, request)).await;
            let updated = response.unwrap().into_inner().user_tracking.unwrap();
            assert_eq!(updated.onboarding_completed, expected);
            assert_eq!(tracking(&world, &user_id).await, updated);
        }
    }

    async fn counsels_and_messages_are_counted_once(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let (counsel_id, counselor_id) = (new_id(), new_id());
        let counsel = CounselCreated {
            counsel_id: counsel_id.clone(),
            user_id: user_id.clone(),
            counselor_id: counselor_id.clone(),
            prompt_version_id: new_id(),
            bubble_id: None,
        };
        counseling.tell_and_wait(&counsel).await;
        world.deliver_again("COUNSELS", &format!("counsels.counsel.created.{counsel_id}")).await;
        world.idle(&TRACK_USERS).await;
        let first = tracking(&world, &user_id).await;
        assert_eq!((first.counsel_count, first.message_count), (1, 0));

        world.clock.advance(Duration::from_secs(60));
        for _ in 0..3 {
            let message = CounselMessageCreated {
                counsel_id: counsel_id.clone(),
                user_id: user_id.clone(),
                counselor_id: counselor_id.clone(),
                user_message_id: new_id(),
                counselor_message_id: new_id(),
                counsel_technique_id: new_id(),
                reservation_id: new_id(),
                is_fallback: false,
            };
            counseling.tell_and_wait(&message).await;
        }
        world.deliver_again("COUNSELS", &format!("counsels.message.created.{counsel_id}")).await;
        world.idle(&TRACK_USERS).await;
        let last = tracking(&world, &user_id).await;
        assert_eq!((last.counsel_count, last.message_count), (1, 3));
        let at = |tracking: &UserTracking| Timestamp::from(tracking.last_active_at.unwrap());
        assert!(at(&last) >= at(&first).plus(Duration::from_secs(60)));
    }

    async fn the_counsel_of_a_user_who_has_gone_is_not_waited_for(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let request = DeleteUserRequest { user_id: user_id.clone() };
        world.service.users().delete_user(by(&user_id, request)).await.unwrap();
        let counsel = CounselCreated {
            counsel_id: new_id(),
            user_id: user_id.clone(),
            counselor_id: new_id(),
            prompt_version_id: new_id(),
            bubble_id: None,
        };
        counseling.tell_and_wait(&counsel).await;
        world.idle(&TRACK_USERS).await;
        let stream = world.nats.connect().await.jetstream.get_stream("COUNSELS").await.unwrap();
        let consumer = stream.consumer_info(TRACK_USERS.name).await.unwrap();
        assert_eq!(consumer.delivered.consumer_sequence, 1, "it was applied at its first delivery");
        let letters = world.nats.connect().await.jetstream.get_stream("DLQ").await.unwrap();
        assert_eq!(letters.cached_info().state.messages, 0);
        let request = GetUserTrackingRequest { user_id: user_id.clone() };
        let tracking = world.service.activities().get_user_tracking(by(&user_id, request)).await;
        assert_eq!(tracking.unwrap_err().code(), Code::NotFound);
    }

    async fn the_counsel_of_a_user_who_is_not_known_yet_is_counted_later(engine: Engine) {
        let world = World::with(engine, |config| config.consumers.max_deliveries = 1000).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let user_id = new_id();
        let counsel = CounselCreated {
            counsel_id: new_id(),
            user_id: user_id.clone(),
            counselor_id: new_id(),
            prompt_version_id: new_id(),
            bubble_id: Some(new_id()),
        };
        counseling.tell_and_wait(&counsel).await;
        world.tried_in_vain(&TRACK_USERS).await;
        world.initialize(&user_id).await;
        let counted = async || tracking(&world, &user_id).await.counsel_count == 1;
        eventually("the counsel is counted", counted).await;
    }
}
