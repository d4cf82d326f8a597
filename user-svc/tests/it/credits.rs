//! What paid orders do to message tokens.

use shared::id::new_id;
use shared::messaging::CREDIT_TOKENS;
use shared::proto::events::v1::{OrderPaid, OrderRefunded, TokensCredited, TokensRevoked};
use shared::testkit::{Neighbour, eventually};
use tonic::Code;

use crate::world::{World, refused};

fn paid(user_id: &str, tokens: i32) -> OrderPaid {
    OrderPaid { order_id: new_id(), user_id: user_id.to_owned(), tokens }
}

async fn has_bought(world: &World, user_id: &str, tokens: i32) {
    let credited = async || world.service.tokens_of(user_id).await.purchased == tokens;
    eventually("the tokens are credited", credited).await;
}

shared::on_each_engine! {
    async fn bought_tokens_are_credited_once_and_spent_after_the_allowance(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let order = paid(&user_id, 2);
        payments.tell_and_wait(&order).await;
        world.deliver_again("PAYMENTS", &format!("payments.order.paid.{}", order.order_id)).await;
        // The same order in another event.
        payments.tell_and_wait(&order).await;
        world.idle(&CREDIT_TOKENS).await;
        has_bought(&world, &user_id, 2).await;
        let told = TokensCredited { user_id: user_id.clone(), order_id: order.order_id, amount: 2 };
        assert_eq!(world.events::<TokensCredited>(&user_id).await, [told]);

        for _ in 0..9 {
            world.service.reserve(&user_id, &new_id()).await.unwrap();
        }
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.used, tokens.reserved, tokens.purchased), (7, 9, 0));
        let result = world.service.reserve(&user_id, &new_id()).await;
        refused(result, Code::PermissionDenied, "no message tokens are left");
        // Held bought tokens that are given back do not expire with the window.
        world.clock.advance(std::time::Duration::from_secs(12 * 3600));
        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.used, tokens.reserved, tokens.purchased), (0, 0, 2));
    }

    async fn refunds_take_back_what_is_not_spent_and_nothing_twice(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let order = paid(&user_id, 10);
        let refunded = |tokens_revoked: i32| OrderRefunded {
            order_id: order.order_id.clone(),
            user_id: user_id.clone(),
            tokens_revoked,
            refunded: i64::from(tokens_revoked) * 10,
            currency: "KRW".to_owned(),
        };
        payments.tell_and_wait(&order).await;
        has_bought(&world, &user_id, 10).await;
        payments.tell_and_wait(&refunded(4)).await;
        has_bought(&world, &user_id, 6).await;
        // The same in another event, and once more on the wire.
        payments.tell_and_wait(&refunded(4)).await;
        world.deliver_again("PAYMENTS", &format!("payments.order.refunded.{}", order.order_id)).await;
        world.idle(&CREDIT_TOKENS).await;
        assert_eq!(world.service.tokens_of(&user_id).await.purchased, 6);

        // Seven of the allowance, and two of the bought ones.
        for _ in 0..9 {
            world.service.reserve(&user_id, &new_id()).await.unwrap();
        }
        payments.tell_and_wait(&refunded(10)).await;
        has_bought(&world, &user_id, 0).await;
        let told = |amount, spent| TokensRevoked {
            user_id: user_id.clone(),
            order_id: order.order_id.clone(),
            amount,
            spent,
        };
        assert_eq!(world.events::<TokensRevoked>(&user_id).await, [told(4, 0), told(4, 2)]);
        // Older news that come late.
        payments.tell_and_wait(&refunded(4)).await;
        world.idle(&CREDIT_TOKENS).await;
        assert_eq!(world.service.tokens_of(&user_id).await.purchased, 0);
    }

    async fn a_refund_that_is_heard_of_before_its_payment_waits_for_it(engine: Engine) {
        let world = World::with(engine, |config| config.consumers.max_deliveries = 1000).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        let order = paid(&user_id, 5);
        let refund = OrderRefunded {
            order_id: order.order_id.clone(),
            user_id: user_id.clone(),
            tokens_revoked: 2,
            ..OrderRefunded::default()
        };
        payments.tell_and_wait(&refund).await;
        payments.tell_and_wait(&order).await;
        has_bought(&world, &user_id, 3).await;
        // One that gave no tokens takes none.
        payments.tell_and_wait(&OrderRefunded { order_id: new_id(), ..OrderRefunded::default() }).await;
        world.idle(&CREDIT_TOKENS).await;
    }

    async fn an_order_of_no_tokens_goes_to_the_dead_letters(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = world.guest().await.id;
        payments.tell(&paid(&user_id, -3)).await;
        let letter = world.dead_letter().await;
        assert_eq!(letter.consumer, CREDIT_TOKENS.name);
        assert_eq!(letter.reason, "an order buys at least one token");
        payments.tell(&paid(&user_id, 3)).await;
        has_bought(&world, &user_id, 3).await;
    }

    async fn an_order_of_a_user_who_is_not_known_yet_waits_for_them(engine: Engine) {
        let world = World::with(engine, |config| config.consumers.max_deliveries = 1000).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        let user_id = new_id();
        payments.tell_and_wait(&paid(&user_id, 5)).await;
        world.tried_in_vain(&CREDIT_TOKENS).await;
        world.initialize(&user_id).await;
        has_bought(&world, &user_id, 5).await;
    }

    async fn an_order_of_a_user_who_never_comes_is_kept_in_the_dead_letters(engine: Engine) {
        let world = World::new(engine).await;
        let payments = Neighbour::start("payment-svc", &world.nats).await;
        payments.tell(&paid(&new_id(), 5)).await;
        assert_eq!(world.dead_letter().await.reason, "delivery 3 failed: user not found");
    }
}
