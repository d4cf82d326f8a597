//! /v1/products, and what admins do to them.

use reqwest::Method;
use serde_json::{Value, json};
use shared::id::new_id;

use crate::world::{Call, World};

fn pack() -> Value {
    json!({
        "kind": "PRODUCT_KIND_TOKEN_PACK",
        "name": "메시지 토큰 10개",
        "description": "언제까지나 쓸 수 있는 메시지 토큰 10개",
        "tokens": 10,
        "prices": [{ "currency": "KRW", "amount": 500 }, { "currency": "USD", "amount": 50 }],
    })
}

shared::on_each_engine! {
    async fn admins_offer_what_everybody_sees(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (user, admin) = (world.guest().await, world.admin().await);
        let create = |body: &Value| {
            let call = Call::post("/v1/admin/products", body).by(&admin);
            call.header("idempotency-key", "ten-tokens")
        };
        let created = world.send(create(&pack())).await.expect(201);
        let product = created.body["data"]["product"].clone();
        assert_eq!((&product["version"], &product["tokens"]), (&json!(1), &json!(10)));
        assert_eq!(product["prices"], pack()["prices"]);
        assert_eq!(world.send(create(&pack())).await.expect(201).body["data"]["product"], product);
        let mut other = pack();
        other["tokens"] = json!(11);
        let taken = world.send(create(&other)).await;
        assert_eq!((taken.status, taken.code()), (409, "E40901"));

        let id = created.text("/product/id");
        let path = format!("/v1/products/{id}");
        let seen = world.send(Call::get(&path).by(&user)).await.expect(200);
        assert_eq!(seen.body["data"]["product"], product);
        let listed = async |by: &str, path: &str| {
            let products = world.send(Call::get(path).by(by)).await.expect(200).list("products").clone();
            products.into_iter().find(|product| product["id"] == id.as_str())
        };
        assert_eq!(listed(&user, "/v1/products").await, Some(product));

        let managed = format!("/v1/admin/products/{id}");
        let change = json!({ "prices": [{ "currency": "KRW", "amount": 700 }] });
        for _ in 0..2 {
            let changed = world.send(Call::put(&managed, &change).by(&admin)).await.expect(200);
            let changed = &changed.body["data"]["product"];
            assert_eq!((&changed["version"], &changed["tokens"]), (&json!(2), &json!(10)));
            assert_eq!(changed["prices"], change["prices"]);
        }

        let retire = || Call::new(Method::POST, format!("{managed}/retire")).by(&admin);
        for _ in 0..2 {
            let retired = world.send(retire()).await.expect(200);
            assert!(retired.body["data"]["product"]["retiredAt"].is_string());
        }
        let gone = world.send(Call::get(&path).by(&user)).await;
        assert_eq!((gone.status, gone.code()), (404, "E40401"));
        assert_eq!(listed(&user, "/v1/products").await, None);
        assert!(listed(&admin, "/v1/admin/products").await.is_some());
        let late = world.send(Call::put(&managed, &change).by(&admin)).await;
        assert_eq!((late.status, late.code()), (400, "E40002"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_product_is_refused_by_field_and_rule() {
    let world = Box::pin(World::start(shared::testkit::Engine::Sqlite)).await;
    let (user, admin) = (world.guest().await, world.admin().await);
    for (field, value) in [
        ("kind", json!("PRODUCT_KIND_UNSPECIFIED")),
        ("name", json!("   ")),
        ("description", json!("")),
        ("tokens", json!(0)),
        ("tokens", json!(1.5)),
        ("prices", json!([])),
        ("prices", json!([{ "currency": "KRW", "amount": 0 }])),
        ("prices", json!([{ "currency": "WON", "amount": 1 }])),
        ("prices", json!([{ "currency": "KRW", "amount": 1 }, { "currency": "KRW", "amount": 2 }])),
        ("prices", json!([{ "currency": "KRW", "amount": 3.5 }])),
    ] {
        let mut body = pack();
        body[field] = value;
        let refused = world.send(Call::post("/v1/admin/products", &body).by(&admin)).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.body);
        let named = refused.details().iter().any(|line| line.starts_with(field));
        assert!(named, "{field}: {}", refused.body);
    }
    let by_user = world.send(Call::post("/v1/admin/products", &pack()).by(&user)).await;
    assert_eq!((by_user.status, by_user.code()), (403, "FORBIDDEN"));
    let unknown = format!("/v1/admin/products/{}", new_id());
    let change = json!({ "tokens": 1 });
    assert_eq!(world.send(Call::put(&unknown, &change).by(&admin)).await.status, 404);
    let no_id = world.send(Call::get("/v1/products/x").by(&user)).await;
    assert_eq!(no_id.status, 400, "{}", no_id.body);
}
