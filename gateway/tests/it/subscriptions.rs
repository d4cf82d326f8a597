//! /v1/payments/subscriptions, and what admins do there.

use reqwest::Method;
use serde_json::{Value, json};
use shared::id::{derived_id, new_id};
use shared::testkit::eventually;

use crate::orders::{CARD, create, pay};
use crate::world::{Call, World};

fn pass() -> Value {
    json!({ "productId": derived_id(&["product", "월간 이용권"]), "currency": "KRW" })
}

/// Subscribes: the order that has paid the first month, and the subscription.
async fn subscribe(world: &World, by: &str) -> (String, String) {
    let created = world.send(create(by, &new_id(), &pass())).await.expect(201);
    let key = pay(&created, CARD).await;
    let order_id = created.text("/order/id");
    let path = format!("/v1/payments/orders/{order_id}/confirm");
    let paid = world.send(Call::post(path, &json!({ "paymentKey": key })).by(by)).await.expect(200);
    (order_id, paid.text("/order/subscriptionId"))
}

/// The id of a subscription that has begun.
pub async fn subscribed(world: &World, by: &str) -> String {
    subscribe(world, by).await.1
}

async fn has_allowance(world: &World, by: &str, allowance: i64) {
    let shown = async || {
        let tokens = world.send(Call::get("/v1/users/me/tokens").by(by)).await.expect(200);
        tokens.body["data"]["tokens"]["allowance"] == allowance
    };
    eventually(&format!("the allowance is {allowance}"), shown).await;
}

shared::on_each_engine! {
    async fn a_pass_is_more_messages_until_it_is_canceled_or_given_back(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (user, other, admin) = (world.guest().await, world.guest().await, world.admin().await);
        let (order_id, id) = subscribe(&world, &user).await;
        has_allowance(&world, &user, 3000).await;
        has_allowance(&world, &other, 7).await;

        let path = format!("/v1/payments/subscriptions/{id}");
        let seen = world.send(Call::get(&path).by(&user)).await.expect(200);
        assert_eq!(seen.text("/subscription/state"), "SUBSCRIPTION_STATE_ACTIVE");
        assert_eq!(seen.body["data"]["subscription"]["price"], json!({ "currency": "KRW", "amount": 29_900 }));
        assert_eq!(seen.body["data"]["subscription"]["userId"], Value::Null);
        let second = world.send(create(&user, "another", &pass())).await;
        assert_eq!((second.status, second.code()), (400, "E40002"));

        let change = |verb: &str, by: &str| Call::new(Method::POST, format!("{path}/{verb}")).by(by);
        for verb in ["cancel", "resume"] {
            let refused = world.send(change(verb, &other)).await;
            assert_eq!((refused.status, refused.code()), (404, "E40401"));
        }
        for (verb, state) in [("cancel", "CANCELING"), ("cancel", "CANCELING"), ("resume", "ACTIVE"), ("resume", "ACTIVE")] {
            let changed = world.send(change(verb, &user)).await.expect(200);
            assert_eq!(changed.text("/subscription/state"), format!("SUBSCRIPTION_STATE_{state}"));
        }
        has_allowance(&world, &user, 3000).await;

        let mine = world.send(Call::get("/v1/payments/subscriptions").by(&user)).await.expect(200);
        assert_eq!(mine.list("subscriptions")[0]["id"], id.as_str());
        let others = world.send(Call::get("/v1/payments/subscriptions").by(&other)).await.expect(200);
        assert!(others.list("subscriptions").is_empty());
        let wrong = world.send(Call::get("/v1/payments/subscriptions?state=ACTIVE").by(&user)).await;
        assert_eq!((wrong.status, wrong.code()), (400, "HTTP_INVALID_INPUT"));

        let managed = "/v1/admin/payments/subscriptions";
        let of_user = format!("{managed}?userId={}&state=SUBSCRIPTION_STATE_ACTIVE", world.id_of(&user).await);
        assert_eq!(world.send(Call::get(of_user).by(&admin)).await.expect(200).list("subscriptions").len(), 1);
        let seen = world.send(Call::get(format!("{managed}/{id}")).by(&admin)).await.expect(200);
        assert_eq!(seen.text("/subscription/userId"), world.id_of(&user).await);

        let refund = Call::post(format!("/v1/admin/payments/orders/{order_id}/refund"), &json!({ "reason": "all" }));
        world.send(refund.by(&admin).header("idempotency-key", "all")).await.expect(200);
        has_allowance(&world, &user, 7).await;
        let ended = world.send(Call::get(&path).by(&user)).await.expect(200);
        assert_eq!(ended.text("/subscription/state"), "SUBSCRIPTION_STATE_LAPSED");
        let late = world.send(change("resume", &user)).await;
        assert_eq!((late.status, late.code()), (400, "E40002"));
    }
}
