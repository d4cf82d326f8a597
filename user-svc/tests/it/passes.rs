//! What subscriptions do to allowances.

use std::time::Duration;

use shared::id::new_id;
use shared::messaging::KEEP_PASSES;
use shared::proto::events::v1::{
    AllowanceChanged, OrderPaid, SubscriptionEnd, SubscriptionLapsed, SubscriptionRenewed, TokensCredited,
};
use shared::proto::v1::{Authority, DeleteUserRequest};
use shared::testkit::{Neighbour, eventually};
use tonic::Code;

use crate::world::{World, by, refused};

const DAY: Duration = Duration::from_secs(86_400);

fn renewed(world: &World, user_id: &str, subscription_id: &str, period: i32) -> SubscriptionRenewed {
    SubscriptionRenewed {
        subscription_id: subscription_id.to_owned(),
        user_id: user_id.to_owned(),
        order_id: new_id(),
        allowance: 3000,
        period,
        valid_until: world.clock.now().plus(DAY * 34).to_rfc3339(),
    }
}

fn lapsed(user_id: &str, subscription_id: &str) -> SubscriptionLapsed {
    SubscriptionLapsed {
        subscription_id: subscription_id.to_owned(),
        user_id: user_id.to_owned(),
        period: 1,
        end: SubscriptionEnd::Unpaid.into(),
    }
}

async fn has_allowance(world: &World, user_id: &str, allowance: Option<i32>) {
    let given = async || world.service.tokens_of(user_id).await.allowance == allowance;
    eventually(&format!("the allowance is {allowance:?}"), given).await;
}

shared::on_each_engine! {
    async fn a_pass_makes_the_allowance_larger_until_it_ends(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        for _ in 0..7 {
            world.service.reserve(&user_id, &new_id()).await.unwrap();
        }
        let result = world.service.reserve(&user_id, &new_id()).await;
        refused(result, Code::PermissionDenied, "no message tokens are left");

        let pass = new_id();
        payments.tell_and_wait(&renewed(&world, &user_id, &pass, 1)).await;
        has_allowance(&world, &user_id, Some(3000)).await;
        world.deliver_again("PAYMENTS", &format!("payments.subscription.renewed.{pass}")).await;
        world.service.reserve(&user_id, &new_id()).await.unwrap();
        payments.tell_and_wait(&renewed(&world, &user_id, &pass, 2)).await;
        world.idle(&KEEP_PASSES).await;
        let told = AllowanceChanged { user_id: user_id.clone() };
        assert_eq!(world.events::<AllowanceChanged>(&user_id).await, std::slice::from_ref(&told), "once, when it did");

        payments.tell_and_wait(&lapsed(&user_id, &pass)).await;
        has_allowance(&world, &user_id, Some(7)).await;
        // News that come late bring nothing back.
        payments.tell_and_wait(&renewed(&world, &user_id, &pass, 3)).await;
        world.idle(&KEEP_PASSES).await;
        has_allowance(&world, &user_id, Some(7)).await;
        assert_eq!(world.events::<AllowanceChanged>(&user_id).await.len(), 2);
        let result = world.service.reserve(&user_id, &new_id()).await;
        refused(result, Code::PermissionDenied, "no message tokens are left");
    }

    async fn a_pass_of_which_nothing_more_is_heard_is_good_until_its_time_is_over(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        payments.tell_and_wait(&renewed(&world, &user_id, &new_id(), 1)).await;
        has_allowance(&world, &user_id, Some(3000)).await;
        world.clock.advance(DAY * 33);
        has_allowance(&world, &user_id, Some(3000)).await;
        world.clock.advance(DAY);
        has_allowance(&world, &user_id, Some(7)).await;
    }

    async fn a_pass_takes_nothing_from_admins_and_gives_nothing_to_who_is_gone(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let (boss, gone) = (world.guest().await.id, world.guest().await.id);
        world.set_authority(&boss, Authority::Admin).await;
        let request = DeleteUserRequest { user_id: gone.clone() };
        let (first, second) = (new_id(), new_id());
        payments.tell_and_wait(&renewed(&world, &gone, &first, 1)).await;
        has_allowance(&world, &gone, Some(3000)).await;
        world.service.users().delete_user(by(&gone, request)).await.unwrap();
        payments.tell_and_wait(&renewed(&world, &gone, &second, 1)).await;
        payments.tell_and_wait(&renewed(&world, &boss, &new_id(), 1)).await;
        world.idle(&KEEP_PASSES).await;
        has_allowance(&world, &boss, None).await;
        assert_eq!(world.text("SELECT CAST(COUNT(*) AS TEXT) FROM passes").await.as_deref(), Some("1"));
    }

    async fn a_month_that_is_paid_credits_no_tokens(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        payments.tell_and_wait(&OrderPaid { order_id: new_id(), user_id: user_id.clone(), tokens: 0 }).await;
        world.idle(&shared::messaging::CREDIT_TOKENS).await;
        assert_eq!(world.events::<TokensCredited>(&user_id).await, []);
        assert_eq!(world.service.tokens_of(&user_id).await.purchased, 0);
    }

    async fn news_of_a_pass_that_make_no_sense_are_kept_for_people(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let wrong = SubscriptionRenewed { valid_until: "soon".to_owned(), ..renewed(&world, &new_id(), &new_id(), 1) };
        payments.tell_and_wait(&wrong).await;
        let letter = world.dead_letter().await;
        assert!(letter.reason.contains("valid_until"), "{}", letter.reason);
    }
}
