//! Refusals, through the whole stack: each has the envelope, a request id, and the CORS headers.

use reqwest::Method;
use serde_json::{Value, json};
use shared::testkit::Engine;

use crate::world::{Call, World};

const ORIGIN: &str = "https://app.example";

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_envelope_a_request_id_and_the_cors_headers() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    let post = |body: &[u8]| {
        let mut call =
            Call::new(Method::POST, &messages).by(&token).header("content-type", "application/json");
        call.body = Some(body.to_vec());
        call
    };
    let long = serde_json::to_vec(&json!({ "message": "x".repeat(20_000) })).unwrap();
    for (call, status, reason, code) in [
        (Call::get("/v1/nowhere"), 404, "NOT_FOUND", "HTTP_NOT_FOUND"),
        (
            Call::new(Method::POST, "/v1/users/me").by(&token),
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP_METHOD_NOT_ALLOWED",
        ),
        (Call::get("/v1/users/me"), 401, "UNAUTHORIZED", "COOKIE_NOT_FOUND"),
        (post(b"{\"message\": "), 400, "BAD_REQUEST", "HTTP_INVALID_INPUT"),
        (post(b""), 400, "BAD_REQUEST", "HTTP_INVALID_INPUT"),
        (post(b"[]"), 400, "BAD_REQUEST", "HTTP_INVALID_INPUT"),
        (post(b"{}"), 400, "BAD_REQUEST", "HTTP_INVALID_INPUT"),
        (post(&long), 413, "PAYLOAD_TOO_LARGE", "HTTP_INVALID_INPUT"),
        (Call::new(Method::POST, &messages).by(&token), 400, "BAD_REQUEST", "HTTP_INVALID_INPUT"),
        (
            Call::post(&messages, &json!({ "message": "hi" })).by(&token).header("idempotency-key", "a b"),
            400,
            "BAD_REQUEST",
            "HTTP_INVALID_INPUT",
        ),
    ] {
        let path = call.path.clone();
        let reply = world.send(call.header("origin", ORIGIN).header("x-request-id", "client-7")).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{path}: {}", reply.body);
        assert_eq!(reply.body["status"], reason);
        assert_eq!(reply.headers["x-request-id"], "client-7");
        assert_eq!(reply.headers["access-control-allow-origin"], ORIGIN);
        assert_eq!(reply.headers["access-control-allow-credentials"], "true");
        assert!(reply.body["message"].as_str().is_some_and(|message| !message.is_empty()));
        let members: Vec<_> = reply.body.as_object().unwrap().values().collect();
        assert!(!members.contains(&&Value::Null), "null members are left out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_origins_may_call_with_credentials() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    for (origin, allowed) in
        [(ORIGIN, true), ("https://evil.example", false), ("http://localhost:3000", false)]
    {
        let reply = world.send(Call::get("/v1/users/me").header("origin", origin)).await;
        assert_eq!(reply.headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_a_log_cannot_hold_is_replaced() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let long = "x".repeat(65);
    for given in ["with space", long.as_str()] {
        let reply = world.send(Call::get("/v1/users/me").header("x-request-id", given)).await;
        let id = reply.headers["x-request-id"].to_str().unwrap();
        assert_ne!(id, given);
        assert_eq!(id.len(), 36);
    }
}
