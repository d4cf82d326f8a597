//! Limits of rates.

use gateway::Rate;
use reqwest::Method;

use super::world;
use crate::world::{Call, Reply};

fn refused(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (429, "E42901"), "{}", reply.body);
    let seconds = |name: &str| reply.headers[name].to_str().unwrap().parse::<u32>().unwrap();
    assert!((1..=60).contains(&seconds("retry-after")) && seconds("ratelimit-reset") >= 1);
    assert_eq!(reply.headers["ratelimit-remaining"], "0");
    // A refusal goes through the whole stack.
    assert!(reply.headers.contains_key("x-request-id"));
    assert_eq!(reply.headers["access-control-allow-origin"], "https://app.example");
    assert_eq!(reply.headers["cache-control"], "no-store");
}

fn from_a_page(call: Call) -> Call {
    call.header("origin", "https://app.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_sign_in_so_often() {
    let world = world(|edge| edge.auth_rate = Rate::new(1, 3)).await;
    let initiate = || from_a_page(Call::new(Method::POST, "/v1/auth/initiate"));
    for remaining in ["2", "1", "0"] {
        let reply = world.send(initiate()).await.expect(200);
        assert_eq!(reply.headers["ratelimit-limit"], "3");
        assert_eq!(reply.headers["ratelimit-remaining"], remaining);
    }
    refused(&world.send(initiate()).await);
    refused(&world.send(from_a_page(Call::new(Method::POST, "/v1/auth/refresh"))).await);
    // Nobody is believed who only says that it is somebody else.
    refused(&world.send(initiate().header("x-forwarded-for", "9.9.9.9")).await);
    assert_eq!(world.status(Call::get("/livez")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_each_client_is_counted_for_itself() {
    let world = world(|edge| {
        edge.auth_rate = Rate::new(1, 1);
        edge.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let from = |client: &str| {
        let call = from_a_page(Call::new(Method::POST, "/v1/auth/initiate"));
        call.header("x-forwarded-for", &format!("6.6.6.6, {client}"))
    };
    for client in ["1.1.1.1", "2.2.2.2"] {
        world.send(from(client)).await.expect(200);
        refused(&world.send(from(client)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_may_ask_so_often_and_others_are_not_held_up() {
    let world = world(|edge| edge.user_rate = Rate::new(1, 2)).await;
    let (one, other) = (world.guest().await, world.guest().await);
    let me = |token: &str| from_a_page(Call::get("/v1/users/me").by(token));
    for remaining in ["1", "0"] {
        let reply = world.send(me(&one)).await.expect(200);
        assert_eq!(reply.headers["ratelimit-remaining"], remaining);
    }
    refused(&world.send(me(&one)).await);
    world.send(me(&other)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_ask_so_often_but_probes_always_answer() {
    let world = world(|edge| edge.address_rate = Rate::new(1, 5)).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(world.send(from_a_page(Call::get("/v1/nothing"))).await.status);
    }
    assert_eq!(*statuses.last().unwrap(), 429, "{statuses:?}");
    refused(&world.send(from_a_page(Call::get("/v1/nothing"))).await);
    for _ in 0..10 {
        assert_eq!(world.status(Call::get("/livez")).await, 200);
    }
}
