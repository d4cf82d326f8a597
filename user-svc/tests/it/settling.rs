//! What becomes of reservations when counseling-svc tells of their messages.

use std::time::Duration;

use shared::id::new_id;
use shared::messaging::SETTLE_RESERVATIONS;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailed, CounselMessageFailure};
use shared::proto::v1::ReservationState;
use shared::testkit::{Neighbour, eventually, publish_as_told};

use crate::world::World;

const SETTLED: &str = "RESERVATION_STATE_SETTLED";
const RELEASED: &str = "RESERVATION_STATE_RELEASED";
const EXPIRED: &str = "RESERVATION_STATE_EXPIRED";

fn created(user_id: &str, reservation_id: &str) -> CounselMessageCreated {
    CounselMessageCreated {
        counsel_id: new_id(),
        user_id: user_id.to_owned(),
        counselor_id: new_id(),
        user_message_id: new_id(),
        counselor_message_id: new_id(),
        counsel_technique_id: new_id(),
        reservation_id: reservation_id.to_owned(),
        is_fallback: false,
    }
}

fn failed(user_id: &str, reservation_id: &str) -> CounselMessageFailed {
    CounselMessageFailed {
        counsel_id: new_id(),
        user_id: user_id.to_owned(),
        user_message_id: new_id(),
        reservation_id: reservation_id.to_owned(),
        failure: CounselMessageFailure::Assistant.into(),
    }
}

async fn reaches(world: &World, reservation_id: &str, state: &str) {
    let reached = async || world.reservation_state(reservation_id).await == state;
    eventually(&format!("the reservation is {state}"), reached).await;
}

/// Used of the allowance, and held.
async fn balance(world: &World, user_id: &str) -> (i32, i32) {
    let tokens = world.service.tokens_of(user_id).await;
    (tokens.used, tokens.reserved)
}

shared::on_each_engine! {
    async fn a_message_that_only_a_stand_in_answered_costs_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        counseling.tell(&CounselMessageCreated { is_fallback: true, ..created(&user_id, &id) }).await;
        reaches(&world, &id, RELEASED).await;
        assert_eq!(balance(&world, &user_id).await, (0, 0));
    }

    async fn a_failure_of_a_kind_that_only_a_newer_version_knows_costs_nothing_either(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        let data = serde_json::json!({
            "userId": user_id, "reservationId": id,
            "failure": "COUNSEL_MESSAGE_FAILURE_OF_TOMORROW", "retriedAt": "2026-01-02T03:04:05Z",
        });
        let _counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let subject = format!("counsels.message.failed.{}", new_id());
        let event_type = "hearlers.counsels.message.failed.v1";
        let broker = world.nats.connect().await;
        publish_as_told(&broker, &subject, event_type, &new_id(), &data.to_string()).await;
        reaches(&world, &id, RELEASED).await;
        assert_eq!(balance(&world, &user_id).await, (0, 0));
    }

    async fn a_message_that_was_sent_spends_its_token_once(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        let event = created(&user_id, &id);
        counseling.tell(&event).await;
        reaches(&world, &id, SETTLED).await;
        assert_eq!(balance(&world, &user_id).await, (1, 0));

        let subject = format!("counsels.message.created.{}", event.counsel_id);
        world.deliver_again("COUNSELS", &subject).await;
        // Another event of the same reservation changes nothing either.
        counseling.tell_and_wait(&created(&user_id, &id)).await;
        counseling.tell_and_wait(&failed(&user_id, &id)).await;
        world.idle(&SETTLE_RESERVATIONS).await;
        assert_eq!(world.reservation_state(&id).await, SETTLED);
        assert_eq!(balance(&world, &user_id).await, (1, 0));

        // Nor does time: a settled reservation does not expire, and a repeat of its call takes nothing.
        world.clock.advance(Duration::from_secs(120));
        let again = world.service.reserve(&user_id, &id).await.unwrap();
        assert_eq!(again.state(), ReservationState::Settled);
        assert_eq!(balance(&world, &user_id).await, (1, 0));
    }

    async fn a_message_that_failed_gives_its_token_back(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        counseling.tell(&failed(&user_id, &id)).await;
        reaches(&world, &id, RELEASED).await;
        assert_eq!(balance(&world, &user_id).await, (0, 0));
        counseling.tell_and_wait(&failed(&user_id, &id)).await;
        world.idle(&SETTLE_RESERVATIONS).await;
        assert_eq!(balance(&world, &user_id).await, (0, 0));
    }

    async fn a_message_that_was_sent_after_all_is_charged_late_but_never_below_zero(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, charged, free) = (world.guest().await.id, new_id(), new_id());
        for id in [&charged, &free] {
            world.service.reserve(&user_id, id).await.unwrap();
        }
        world.clock.advance(Duration::from_secs(61));
        reaches(&world, &charged, EXPIRED).await;
        reaches(&world, &free, EXPIRED).await;
        assert_eq!(balance(&world, &user_id).await, (0, 0));

        counseling.tell(&created(&user_id, &charged)).await;
        reaches(&world, &charged, SETTLED).await;
        assert_eq!(balance(&world, &user_id).await, (1, 0));

        for _ in 0..6 {
            world.service.reserve(&user_id, &new_id()).await.unwrap();
        }
        counseling.tell(&created(&user_id, &free)).await;
        reaches(&world, &free, SETTLED).await;
        assert_eq!(balance(&world, &user_id).await, (7, 6));
    }

    async fn an_unknown_reservation_goes_to_the_dead_letters(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, unknown, known) = (world.guest().await.id, new_id(), new_id());
        let event = created(&user_id, &unknown);
        counseling.tell(&event).await;
        let letter = world.dead_letter().await;
        assert_eq!(letter.consumer, SETTLE_RESERVATIONS.name);
        assert_eq!(letter.subject, format!("counsels.message.created.{}", event.counsel_id));
        assert_eq!(letter.reason, format!("the user has no reservation {unknown:?}"));

        // What comes after it is not held up.
        world.service.reserve(&user_id, &known).await.unwrap();
        counseling.tell(&created(&user_id, &known)).await;
        reaches(&world, &known, SETTLED).await;
    }

    async fn a_reservation_is_not_settled_for_somebody_else(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, somebody_else, id) = (world.guest().await.id, world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        counseling.tell(&failed(&somebody_else, &id)).await;
        let letter = world.dead_letter().await;
        assert_eq!(letter.reason, format!("the user has no reservation {id:?}"));
        assert_eq!(balance(&world, &user_id).await, (1, 1));
    }

    async fn what_was_reserved_before_a_restart_is_settled_after_it(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, sent, silent) = (world.guest().await.id, new_id(), new_id());
        for id in [&sent, &silent] {
            world.service.reserve(&user_id, id).await.unwrap();
        }
        let event = created(&user_id, &sent);
        let world = world
            .restart(async |nats| {
                let counseling = Neighbour::start("counseling-svc", nats).await;
                counseling.tell_and_wait(&event).await;
            })
            .await;
        reaches(&world, &sent, SETTLED).await;
        assert_eq!(balance(&world, &user_id).await, (2, 1));
        world.clock.advance(Duration::from_secs(61));
        reaches(&world, &silent, EXPIRED).await;
        assert_eq!(balance(&world, &user_id).await, (1, 0));
    }

    async fn a_finished_reservation_answers_for_its_id_for_two_days_and_is_then_forgotten(engine: Engine) {
        let world = World::new(engine).await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let (user_id, settled, released, expired) = (world.guest().await.id, new_id(), new_id(), new_id());
        for id in [&settled, &released, &expired] {
            world.service.reserve(&user_id, id).await.unwrap();
        }
        counseling.tell(&created(&user_id, &settled)).await;
        counseling.tell(&failed(&user_id, &released)).await;
        reaches(&world, &settled, SETTLED).await;
        reaches(&world, &released, RELEASED).await;
        world.clock.advance(Duration::from_secs(47 * 3600));
        reaches(&world, &expired, EXPIRED).await;

        // The worker looks when it starts.
        let world = world.restart(async |_| {}).await;
        let again = world.service.reserve(&user_id, &settled).await.unwrap();
        assert_eq!(again.state(), ReservationState::Settled);
        assert_eq!(balance(&world, &user_id).await, (0, 0));

        world.clock.advance(Duration::from_secs(2 * 3600));
        let held = new_id();
        world.service.reserve(&user_id, &held).await.unwrap();
        let world = world.restart(async |_| {}).await;
        let kept = async || world.reservations().await;
        eventually("the finished ones are forgotten", async || kept().await.len() == 2).await;
        // News of the expired one may still come, and the new one is in use.
        assert_eq!(kept().await, [expired.clone(), held.clone()]);
        assert_eq!(balance(&world, &user_id).await, (1, 1));
        counseling.tell(&created(&user_id, &expired)).await;
        reaches(&world, &expired, SETTLED).await;
        assert_eq!(balance(&world, &user_id).await, (2, 1));
    }

    async fn two_instances_settle_each_reservation_once(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let counseling = Neighbour::start("counseling-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let ids: Vec<_> = (0..7).map(|_| new_id()).collect();
        for (number, id) in ids.iter().enumerate() {
            let service = if number % 2 == 0 { &world.service } else { &another };
            service.reserve(&user_id, id).await.unwrap();
            let event = created(&user_id, id);
            counseling.tell_and_wait(&event).await;
            world.deliver_again("COUNSELS", &format!("counsels.message.created.{}", event.counsel_id)).await;
        }
        world.idle(&SETTLE_RESERVATIONS).await;
        for id in &ids {
            assert_eq!(world.reservation_state(id).await, SETTLED);
        }
        assert_eq!(balance(&world, &user_id).await, (7, 0));
    }
}
