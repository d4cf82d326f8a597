//! `MessageTokenService`.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use shared::error::NO_REMAINING_TOKENS;
use shared::id::new_id;
use shared::proto::v1::{
    Authority, GetMessageTokensRequest, MessageTokens, ReleaseTokensRequest, Reservation, ReservationState,
    ReserveTokensRequest,
};
use shared::testkit::eventually;
use shared::time::Timestamp;
use tonic::{Code, Status};

use crate::world::{Instance, World, by, reason, refused, violated};

const HOUR: Duration = Duration::from_secs(3600);

async fn release(service: &Instance, user_id: &str, reservation_id: &str) -> Result<MessageTokens, Status> {
    let request =
        ReleaseTokensRequest { user_id: user_id.to_owned(), reservation_id: reservation_id.to_owned() };
    let response = service.message_tokens().release_tokens(by(user_id, request)).await?;
    Ok(response.into_inner().message_tokens.unwrap())
}

#[track_caller]
fn nothing_left(result: Result<Reservation, Status>) {
    let status = refused(result, Code::PermissionDenied, "no message tokens are left");
    assert_eq!(reason(&status), NO_REMAINING_TOKENS);
}

/// Reserves through the services in turn, all at once, and returns how many succeeded.
async fn reserve_at_once(services: &[&Instance], user_id: &str, count: usize) -> usize {
    let reservations = (0..count).map(|number| {
        let service = services[number % services.len()];
        async move { service.reserve(user_id, &new_id()).await }
    });
    let (held, refused): (Vec<_>, Vec<_>) = join_all(reservations).await.into_iter().partition(Result::is_ok);
    refused.into_iter().for_each(nothing_left);
    let ids: BTreeSet<_> = held.iter().map(|held| held.as_ref().unwrap().id.clone()).collect();
    assert_eq!(ids.len(), held.len());
    held.len()
}

shared::on_each_engine! {
    async fn of_twenty_reservations_at_once_a_guest_gets_seven_until_six_hours_have_passed(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let before = world.clock.now();
        assert_eq!(reserve_at_once(&[&world.service], &user_id, 20).await, 7);
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.allowance, tokens.used, tokens.reserved), (Some(7), 7, 7));
        let resets_at = Timestamp::from(tokens.resets_at.unwrap());
        assert!((before.plus(6 * HOUR)..=world.clock.now().plus(6 * HOUR)).contains(&resets_at));
        nothing_left(world.service.reserve(&user_id, &new_id()).await);

        world.clock.advance(6 * HOUR);
        world.service.reserve(&user_id, &new_id()).await.unwrap();
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.used, tokens.reserved), (1, 1));
    }

    async fn two_instances_on_one_database_never_overspend(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let user_id = world.guest().await.id;
        assert_eq!(reserve_at_once(&[&world.service, &another], &user_id, 20).await, 7);
        for service in [&world.service, &another] {
            let tokens = service.tokens_of(&user_id).await;
            assert_eq!((tokens.used, tokens.reserved, tokens.purchased), (7, 7, 0));
        }
    }

    async fn a_repeated_reservation_holds_one_token(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        let held = join_all((0..8).map(|_| world.service.reserve(&user_id, &id))).await;
        let first = held[0].as_ref().unwrap();
        assert_eq!((first.id.as_str(), first.state()), (id.as_str(), ReservationState::Held));
        let expires_at = Timestamp::from(first.expires_at.unwrap());
        assert!(expires_at <= world.clock.now().plus(Duration::from_secs(60)));
        assert!(expires_at > world.clock.now().plus(Duration::from_secs(30)));
        assert!(held.iter().all(|again| again.as_ref().unwrap() == first), "{held:?}");
        assert_eq!(world.service.tokens_of(&user_id).await.used, 1);
    }

    async fn a_released_token_is_given_back_once(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let (kept, given_back) = (new_id(), new_id());
        for id in [&kept, &given_back] {
            world.service.reserve(&user_id, id).await.unwrap();
        }
        for _ in 0..2 {
            let tokens = release(&world.service, &user_id, &given_back).await.unwrap();
            assert_eq!((tokens.used, tokens.reserved), (1, 1));
        }
        assert_eq!(world.reservation_state(&given_back).await, "RESERVATION_STATE_RELEASED");

        // The same message once more holds a token anew.
        let again = world.service.reserve(&user_id, &given_back).await.unwrap();
        assert_eq!(again.state(), ReservationState::Held);
        assert_eq!(world.service.tokens_of(&user_id).await.used, 2);
        let nothing = release(&world.service, &user_id, &new_id()).await;
        refused(nothing, Code::NotFound, "reservation not found");
    }

    async fn a_reservation_that_nothing_is_heard_of_expires(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, id) = (world.guest().await.id, new_id());
        world.service.reserve(&user_id, &id).await.unwrap();
        world.clock.advance(Duration::from_secs(61));
        // A reader sees that at once, the worker writes it down a moment later.
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.used, tokens.reserved, tokens.resets_at), (0, 0, None));
        let expired = async || world.reservation_state(&id).await == "RESERVATION_STATE_EXPIRED";
        eventually("the worker expires the reservation", expired).await;
        let kept = format!("SELECT user_id FROM message_tokens WHERE user_id = '{user_id}' AND used = 0");
        assert_eq!(world.text(&kept).await.as_deref(), Some(user_id.as_str()));
    }

    async fn a_reservation_takes_the_place_of_an_overdue_one(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        assert_eq!(reserve_at_once(&[&world.service], &user_id, 7).await, 7);
        world.clock.advance(Duration::from_secs(60));
        // Without waiting for the worker.
        assert_eq!(reserve_at_once(&[&world.service], &user_id, 20).await, 7);
    }

    async fn an_admin_has_no_limit(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        world.set_authority(&user_id, Authority::Admin).await;
        assert_eq!(reserve_at_once(&[&world.service], &user_id, 20).await, 20);
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.allowance, tokens.used, tokens.reserved), (None, 0, 20));
        // What was taken without a limit does not count against the allowance of a mere user.
        world.set_authority(&user_id, Authority::User).await;
        assert_eq!(reserve_at_once(&[&world.service], &user_id, 20).await, 7);
    }

    async fn tokens_are_nobody_elses_business(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, somebody_else) = (world.guest().await.id, world.guest().await.id);
        let id = new_id();
        world.service.reserve(&user_id, &id).await.unwrap();

        // Somebody else's id of a reservation neither holds nor gives back anything.
        let result = world.service.reserve(&somebody_else, &id).await;
        refused(result, Code::NotFound, "reservation not found");
        let result = release(&world.service, &somebody_else, &id).await;
        refused(result, Code::NotFound, "reservation not found");
        assert_eq!(world.service.tokens_of(&user_id).await.used, 1);
        assert_eq!(world.service.tokens_of(&somebody_else).await.used, 0);

        let mut client = world.service.message_tokens();
        let get = GetMessageTokensRequest { user_id: user_id.clone() };
        let result = client.get_message_tokens(by(&somebody_else, get)).await;
        refused(result, Code::NotFound, "user not found");
        let reserve = ReserveTokensRequest { user_id: user_id.clone(), reservation_id: new_id() };
        let result = client.reserve_tokens(by(&somebody_else, reserve)).await;
        refused(result, Code::NotFound, "user not found");
        let give_back = ReleaseTokensRequest { user_id, reservation_id: id };
        let result = client.release_tokens(by(&somebody_else, give_back)).await;
        refused(result, Code::NotFound, "user not found");
    }

    async fn only_a_known_user_reserves_and_only_with_a_uuid(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        assert_eq!(violated(world.service.reserve(&user_id, "x").await), ["reservation_id"]);
        let nobody = world.service.reserve(&new_id(), &new_id()).await;
        refused(nobody, Code::NotFound, "user not found");
    }

    async fn one_id_at_once_from_two_users_is_one_users(engine: Engine) {
        let world = World::new(engine).await;
        let users = join_all((0..6).map(|_| world.guest())).await;
        let id = new_id();
        let results = join_all(users.iter().map(|user| world.service.reserve(&user.id, &id))).await;
        let (held, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), lost.len()), (1, 5));
        for result in lost {
            refused(result, Code::NotFound, "reservation not found");
        }
        let tokens = join_all(users.iter().map(|user| world.service.tokens_of(&user.id))).await;
        assert_eq!(tokens.iter().map(|tokens| tokens.used).sum::<i32>(), 1);
    }
}
