//! /v1/payments, and what admins do there.

use payment_svc::providers::signature::sign;
use reqwest::Method;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::id::{derived_id, new_id};
use shared::testkit::eventually;
use shared::time::Clock;

use crate::world::{Call, Reply, World};

pub const CARD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";

/// A hundred tokens.
pub fn pack() -> Value {
    json!({ "productId": derived_id(&["product", "메시지 토큰 100개"]), "currency": "KRW" })
}

/// Orders something.
pub fn create(by: &str, key: &str, body: &Value) -> Call {
    Call::post("/v1/payments/orders", body).by(by).header("idempotency-key", key)
}

/// Pays on the provider's page: the key of the payment.
pub async fn pay(created: &Reply, card: &str) -> String {
    let page = reqwest::Client::new().post(created.text("/checkout/url"));
    let form = page.header("content-type", "application/x-www-form-urlencoded").body(format!("card={card}"));
    let told: Value = form.send().await.unwrap().json().await.unwrap();
    told["paymentKey"].as_str().unwrap().to_owned()
}

/// The id of an order that was ordered, and confirmed after `card` was shown.
async fn ordered(world: &World, by: &str, card: &str) -> String {
    let created = world.send(create(by, &new_id(), &pack())).await.expect(201);
    let key = pay(&created, card).await;
    let id = created.text("/order/id");
    world.send(confirm(by, &id, &key)).await.expect(200);
    id
}

/// Lets what was agreed to be collected.
pub fn confirm(by: &str, id: &str, key: &str) -> Call {
    Call::post(format!("/v1/payments/orders/{id}/confirm"), &json!({ "paymentKey": key })).by(by)
}

/// The id of an order of a hundred tokens that was paid.
pub async fn bought(world: &World, by: &str) -> String {
    ordered(world, by, CARD).await
}

/// Gives an amount back, or all that is left.
pub async fn refund(world: &World, admin: &str, id: &str, amount: Option<i64>) {
    let path = format!("/v1/admin/payments/orders/{id}/refund");
    let body = json!({ "amount": amount, "reason": "asked for" });
    let refund = Call::post(path, &body).by(admin).header("idempotency-key", &new_id());
    world.send(refund).await.expect(200);
}

/// The id of an order that was declined.
pub async fn declined(world: &World, by: &str) -> String {
    ordered(world, by, DECLINED).await
}

async fn tokens(world: &World, by: &str) -> i32 {
    world.tokens(&world.id_of(by).await).await.purchased
}

shared::on_each_engine! {
    async fn what_was_paid_becomes_tokens_and_what_is_refunded_ceases_to_be(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (user, admin) = (world.guest().await, world.admin().await);
        let created = world.send(create(&user, "one", &pack())).await.expect(201);
        assert_eq!(created.text("/order/state"), "ORDER_STATE_CREATED");
        let again = world.send(create(&user, "one", &pack())).await.expect(201);
        assert_eq!(again.body["data"], created.body["data"]);
        let key = pay(&created, CARD).await;
        let id = created.text("/order/id");
        let path = format!("/v1/payments/orders/{id}");
        let confirm = || Call::post(format!("{path}/confirm"), &json!({ "paymentKey": key })).by(&user);
        for _ in 0..2 {
            let order = world.send(confirm()).await.expect(200);
            assert_eq!(order.text("/order/state"), "ORDER_STATE_PAID");
        }
        eventually("the tokens are there", async || tokens(&world, &user).await == 100).await;
        let canceled = world.send(Call::new(Method::POST, format!("{path}/cancel")).by(&user)).await;
        assert_eq!((canceled.status, canceled.code()), (400, "E40002"));

        let managed = format!("/v1/admin/payments/orders/{id}");
        let refund = |key: &str, body: Value| {
            Call::post(format!("{managed}/refund"), &body).by(&admin).header("idempotency-key", key)
        };
        for _ in 0..2 {
            let part = json!({ "amount": 1950, "reason": "half of it" });
            let order = world.send(refund("half", part)).await.expect(200);
            assert_eq!(order.text("/order/state"), "ORDER_STATE_PARTIALLY_REFUNDED");
        }
        eventually("half of the tokens is gone", async || tokens(&world, &user).await == 50).await;
        let too_much = world.send(refund("more", json!({ "amount": 1951, "reason": "more" }))).await;
        assert_eq!((too_much.status, too_much.code()), (400, "E40002"));
        world.send(refund("rest", json!({ "reason": "the rest" }))).await.expect(200);
        eventually("no token is left", async || tokens(&world, &user).await == 0).await;

        let seen = world.send(Call::get(&managed).by(&admin)).await.expect(200);
        assert_eq!(seen.text("/order/userId"), world.id_of(&user).await);
        let states = seen.body["data"]["order"]["history"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|entered| entered["state"].as_str().unwrap()).collect();
        assert_eq!(states, [
            "ORDER_STATE_CREATED",
            "ORDER_STATE_PENDING",
            "ORDER_STATE_PAID",
            "ORDER_STATE_PARTIALLY_REFUNDED",
            "ORDER_STATE_REFUNDED",
        ]);
        let of_user = format!("/v1/admin/payments/orders?userId={}&state=ORDER_STATE_REFUNDED", world.id_of(&user).await);
        let found = world.send(Call::get(of_user).by(&admin)).await.expect(200);
        assert_eq!(found.list("orders").len(), 1);
        assert!(world.send(Call::get("/v1/payments/orders").by(&admin)).await.expect(200).list("orders").is_empty());
    }

    async fn a_wrong_request_names_what_is_wrong(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (user, admin) = (world.guest().await, world.admin().await);
        let without_key = world.send(Call::post("/v1/payments/orders", &pack()).by(&user)).await;
        assert_eq!((without_key.status, without_key.code()), (400, "HTTP_MISSING_REQUEST_HEADER"));
        assert_eq!(without_key.details(), ["Idempotency-Key: is required"]);
        let wrong = json!({ "productId": "x", "currency": "KRW" });
        assert!(world.send(create(&user, "a", &wrong)).await.expect(400).details()[0].starts_with("productId"));
        let mut elsewhere = pack();
        elsewhere["returnUrl"] = json!("https://evil.example/");
        assert!(world.send(create(&user, "b", &elsewhere)).await.expect(400).details()[0].starts_with("returnUrl"));
        world.send(create(&user, "c", &pack())).await.expect(201);
        let mut other = pack();
        other["productId"] = json!(derived_id(&["product", "메시지 토큰 500개"]));
        let taken = world.send(create(&user, "c", &other)).await;
        assert_eq!((taken.status, taken.code()), (409, "E40901"));
        let nobodys = format!("/v1/admin/payments/orders/{}/refund", new_id());
        let refund = Call::post(&nobodys, &json!({ "reason": "r" })).by(&admin);
        assert_eq!(world.send(refund).await.expect(400).details(), ["Idempotency-Key: is required"]);
        let state = world.send(Call::get("/v1/payments/orders?state=PAID").by(&user)).await;
        assert_eq!(state.status, 400);
    }

    async fn a_notice_is_taken_from_its_provider_alone(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let user = world.guest().await;
        let created = world.send(create(&user, "one", &pack())).await.expect(201);
        let body = format!(r#"{{"orderId":"{}"}}"#, created.text("/order/id"));
        let send = |path: &str, signature: String| {
            let mut call = Call::new(Method::POST, path).header("sandbox-signature", &signature);
            call.body = Some(body.clone().into_bytes());
            call
        };
        let path = "/v1/payments/notices/sandbox";
        let forged = sign(&Secret::new("guessed"), body.as_bytes(), Clock::system().now());
        let refused = world.send(send(path, forged)).await;
        assert_eq!((refused.status, refused.code()), (401, "E40101"));
        let signature = sign(&Secret::new("sandbox"), body.as_bytes(), Clock::system().now());
        world.send(send("/v1/payments/notices/nobody", signature.clone())).await.expect(404);
        for _ in 0..2 {
            world.send(send(path, signature.clone())).await.expect(200);
        }
    }

    async fn notices_of_stripe_and_toss_payments_are_passed_on_as_they_came(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let send = |path: &str, signature: String, body: &[u8]| {
            let mut call = Call::new(Method::POST, path).header("stripe-signature", &signature);
            call.body = Some(body.to_vec());
            call
        };
        let body = json!({
            "type": "payment_intent.succeeded",
            "data": { "object": { "id": "pi_1", "metadata": { "order_id": new_id() } } },
        });
        // Spaces count: the signature is over the bytes.
        let body = format!("{body} \n").into_bytes();
        let now = Clock::system().now();
        let signed = sign(&Secret::new("whsec"), &body, now);
        world.send(send("/v1/payments/notices/stripe", signed.clone(), &body)).await.expect(200);
        let forged = sign(&Secret::new("guessed"), &body, now);
        let refused = world.send(send("/v1/payments/notices/stripe", forged, &body)).await;
        assert_eq!((refused.status, refused.code()), (401, "E40101"));
        let changed = world.send(send("/v1/payments/notices/stripe", signed, b"{}")).await;
        assert_eq!(changed.status, 401);

        // Toss Payments signs nothing, and is asked about orders of its own only.
        let user = world.guest().await;
        let order = world.send(create(&user, "one", &pack())).await.expect(201).text("/order/id");
        for order_id in [order, new_id()] {
            let body = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "orderId": order_id } });
            let body = body.to_string().into_bytes();
            world.send(send("/v1/payments/notices/toss", String::new(), &body)).await.expect(200);
        }
        let nonsense = world.send(send("/v1/payments/notices/toss", String::new(), b"not json")).await;
        assert_eq!(nonsense.status, 400);
        let huge = vec![b' '; 70_000];
        world.send(send("/v1/payments/notices/toss", String::new(), &huge)).await.expect(413);
    }
}
