//! /v1/auth/sessions, and signing out.

use reqwest::Method;
use serde_json::{Value, json};
use shared::testkit::{Engine, eventually};

use crate::sign_in::browser::Browser;
use crate::sign_in::provider::FakeProvider;
use crate::sign_in::{sign_in, world};
use crate::world::{Call, Reply, World};

async fn browser(world: &World, provider: &FakeProvider) -> Browser {
    let mut browser = Browser::default();
    sign_in(world, provider, &mut browser, "kakao", "somebody").await;
    browser
}

async fn post(world: &World, browser: &mut Browser, path: &str) -> Reply {
    browser.send(world, Call::new(Method::POST, path)).await
}

fn signed_out(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (401, "ACCESS_TOKEN_INVALID"), "{}", reply.body);
}

async fn sessions(world: &World, browser: &mut Browser) -> Vec<Value> {
    browser.get(world, "/v1/auth/sessions").await.expect(200).list("sessions").clone()
}

shared::on_each_engine! {
    async fn who_signs_out_is_signed_out_at_every_gateway(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let other_gateway = world.another_gateway(|_| {}).await;
        let elsewhere = format!("http://{}", other_gateway.address);
        let (mut phone, mut desktop) = (browser(&world, &provider).await, browser(&world, &provider).await);
        let stolen = phone.cookies.clone();
        let me = || Call::get("/v1/users/me").by(&stolen["accessToken"]);
        world.send_to(&elsewhere, me()).await.expect(200);

        let reply = post(&world, &mut phone, "/v1/auth/logout").await.expect(200);
        assert_eq!(reply.body["data"], json!({ "isSuccess": true }));
        assert!(phone.cookies.is_empty(), "{:?}", phone.cookies.keys());
        signed_out(&world.send(me()).await);
        eventually("the other gateway has heard of it", async || {
            world.send_to(&elsewhere, me()).await.status == 401
        })
        .await;
        let mut thief = Browser { cookies: stolen.clone() };
        let refused = post(&world, &mut thief, "/v1/auth/refresh").await;
        assert_eq!((refused.status, refused.code()), (401, "REFRESH_TOKEN_NOT_FOUND"));
        desktop.get(&world, "/v1/users/me").await.expect(200);

        // A gateway that starts later knows it too.
        let later = world.another_gateway(|_| {}).await;
        let later_base = format!("http://{}", later.address);
        eventually("the new gateway has heard of it", async || {
            world.send_to(&later_base, me()).await.status == 401
        })
        .await;
        other_gateway.stop().await;
        later.stop().await;
    }

    async fn sessions_are_listed_and_closed_one_by_one(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let (mut phone, mut desktop) = (browser(&world, &provider).await, browser(&world, &provider).await);
        let listed = sessions(&world, &mut phone).await;
        assert_eq!(listed.len(), 2);
        let current: Vec<_> = listed.iter().map(|session| session["isCurrent"].as_bool().unwrap()).collect();
        assert_eq!(current, [false, true], "the one of the desktop was used last");
        let id = listed[0]["id"].as_str().unwrap();
        let close = || Call::new(Method::DELETE, format!("/v1/auth/sessions/{id}"));
        let mut stranger = Browser::default();
        sign_in(&world, &provider, &mut stranger, "kakao", "another").await;
        let refused = stranger.send(&world, close()).await;
        assert_eq!((refused.status, refused.code()), (404, "E40401"));
        desktop.get(&world, "/v1/users/me").await.expect(200);
        for _ in 0..2 {
            phone.send(&world, close()).await.expect(200);
        }
        signed_out(&desktop.get(&world, "/v1/users/me").await);
        assert_eq!(sessions(&world, &mut phone).await.len(), 1);
    }

    async fn who_signs_out_everywhere_is_signed_out_everywhere(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let (mut phone, mut desktop) = (browser(&world, &provider).await, browser(&world, &provider).await);
        let mut stranger = Browser::default();
        sign_in(&world, &provider, &mut stranger, "kakao", "another").await;
        let kept = phone.clone();
        post(&world, &mut phone, "/v1/auth/logout-all").await.expect(200);
        for mut browser in [kept, desktop.clone()] {
            signed_out(&browser.get(&world, "/v1/users/me").await);
        }
        let refused = post(&world, &mut desktop, "/v1/auth/refresh").await;
        assert_eq!((refused.status, refused.code()), (401, "REFRESH_TOKEN_NOT_FOUND"));
        stranger.get(&world, "/v1/users/me").await.expect(200);
        // The next sign-in is a new session.
        let mut again = browser(&world, &provider).await;
        assert_eq!(sessions(&world, &mut again).await.len(), 1);
    }

    async fn two_refreshes_at_once_are_both_answered(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let signed_in = browser(&world, &provider).await;
        let (mut one, mut two) = (signed_in.clone(), signed_in.clone());
        let (first, second) = tokio::join!(
            post(&world, &mut one, "/v1/auth/refresh"),
            post(&world, &mut two, "/v1/auth/refresh"),
        );
        assert_eq!((first.status, second.status), (200, 200), "{} {}", first.body, second.body);
        for mut browser in [one, two] {
            browser.get(&world, "/v1/users/me").await.expect(200);
            post(&world, &mut browser, "/v1/auth/refresh").await.expect(200);
            assert_eq!(sessions(&world, &mut browser).await.len(), 1, "it is one session");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_comes_back_late_ends_the_session() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut owner = browser(&world, &provider).await;
    let mut thief = owner.clone();
    post(&world, &mut owner, "/v1/auth/refresh").await.expect(200);
    world.rewind_rotation().await;
    let refused = post(&world, &mut thief, "/v1/auth/refresh").await;
    assert_eq!((refused.status, refused.code()), (401, "REFRESH_TOKEN_NOT_FOUND"));
    // Nobody can tell the owner from the thief: both sign in again.
    signed_out(&owner.get(&world, "/v1/users/me").await);
    let refused = post(&world, &mut owner, "/v1/auth/refresh").await;
    assert_eq!((refused.status, refused.code()), (401, "REFRESH_TOKEN_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_signs_out_loses_the_cookies() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let mut browser = Browser::default();
    post(&world, &mut browser, "/v1/auth/initiate").await.expect(200);
    assert!(sessions(&world, &mut browser).await.is_empty());
    post(&world, &mut browser, "/v1/auth/logout").await.expect(200);
    assert!(browser.cookies.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_of_a_closed_session_end_at_every_gateway() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut signed_in = browser(&world, &provider).await;
    let other = browser(&world, &provider).await;
    let elsewhere = world.another_gateway(|_| {}).await;
    let base = format!("http://{}", elsewhere.address);
    let follow = |browser: &Browser| Call::get("/v1/counsels/events").by(&browser.cookies["accessToken"]);
    let mut ended = [world.open(follow(&signed_in)).await, world.open_at(&base, follow(&signed_in)).await];
    let mut kept = world.open(follow(&other)).await;
    for feed in ended.iter_mut().chain([&mut kept]) {
        feed.comment().await;
    }
    post(&world, &mut signed_in, "/v1/auth/logout").await.expect(200);
    for feed in &mut ended {
        assert!(feed.next().await.is_none(), "the feed ends");
    }
    // The same person in another browser goes on.
    let token = &other.cookies["accessToken"];
    let messages = world.counsel(token).await;
    kept.expect("counsel").await;
    world.say(token, &messages, "this browser is still signed in").await.expect(201);
    kept.expect("message").await;
    elsewhere.stop().await;
}
