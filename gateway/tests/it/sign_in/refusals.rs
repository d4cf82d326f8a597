//! What does not lead to a session.

use super::browser::{Browser, location};
use super::provider::{FakeProvider, Mood};
use super::{sign_in, world};
use crate::world::{Call, Reply};
use shared::testkit::Engine;

fn refused(reply: &Reply, field: &str) {
    assert_eq!((reply.status, reply.code()), (400, "HTTP_INVALID_INPUT"), "{}", reply.body);
    assert!(reply.details()[0].starts_with(field), "{:?}", reply.details());
    assert!(!reply.headers.contains_key("location") && !reply.headers.contains_key("set-cookie"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_sent_to_registered_pages_only() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    for address in [
        "https://evil.example",
        "http://app.example",
        "//app.example",
        "/home",
        "https://app.example.evil.example",
        "https://app.example@evil.example",
        "https://app.example%5C@evil.example",
        "javascript:alert(1)",
        "https://evil.example%23.app.example",
        "http://localhost:3000",
        "",
    ] {
        let path = format!("/v1/auth/login/kakao?redirect-url={address}");
        refused(&world.send(Call::get(path)).await, "redirect-url");
    }
    let missing = world.send(Call::get("/v1/auth/login/kakao")).await;
    assert_eq!((missing.status, missing.code()), (400, "HTTP_MISSING_REQUEST_PARAMETER"));
    let missing = world.send(Call::get("/v1/auth/callback/kakao?state=x")).await;
    assert_eq!((missing.status, missing.code()), (400, "HTTP_MISSING_REQUEST_PARAMETER"));
    let unknown = world.send(Call::get("/v1/auth/login/myspace?redirect-url=https://app.example")).await;
    assert_eq!((unknown.status, unknown.code()), (404, "HTTP_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_once_and_in_one_browser() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut browser = Browser::default();
    let asked = browser.begin(&world, "kakao").await;
    let (code, state) = provider.sign_in(&asked, "somebody");

    // An attacker who lets others sign in with the attacker's account, or who has seen their state.
    let mut other = Browser::default();
    refused(&other.come_back(&world, "kakao", &(code.clone(), state.clone())).await, "state");
    other.begin(&world, "kakao").await;
    refused(&other.come_back(&world, "kakao", &(code.clone(), state.clone())).await, "state");
    for forged in ["", "x", "eyJhbGciOiJub25lIn0.e30.", &format!("{state}x")] {
        refused(
            &browser.clone().come_back(&world, "kakao", &(code.clone(), forged.to_owned())).await,
            "state",
        );
    }
    refused(&browser.clone().come_back(&world, "naver", &(code.clone(), state.clone())).await, "state");

    // The same browser, twice at once: cookies are no help, the bucket decides.
    let back = (code, state);
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) =
        tokio::join!(one.come_back(&world, "kakao", &back), two.come_back(&world, "kakao", &back));
    let (taken, replayed) = if first.status == 302 { (first, second) } else { (second, first) };
    assert!(location(&taken).as_str().starts_with("https://app.example/"));
    refused(&replayed, "state");
    refused(&browser.come_back(&world, "kakao", &back).await, "state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_lies_or_fails_signs_nobody_in() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut known = Browser::default();
    sign_in(&world, &provider, &mut known, "kakao", "somebody").await;
    for mood in Mood::BAD {
        let mut browser = Browser::default();
        let asked = browser.begin(&world, "kakao").await;
        let back = provider.sign_in(&asked, "somebody");
        provider.be(mood);
        let reply = browser.come_back(&world, "kakao", &back).await;
        assert_eq!((reply.status, reply.code()), (500, "KAKAO_PROCESSING_ERROR"), "{mood:?}: {}", reply.body);
        assert!(!browser.cookies.contains_key("accessToken"), "{mood:?}");
        provider.be(Mood::Honest);
    }
    for mood in [Mood::Garbage, Mood::Refusing, Mood::Broken, Mood::Silent, Mood::Endless] {
        let mut browser = Browser::default();
        let back = provider.sign_in(&browser.begin(&world, "naver").await, "somebody");
        provider.be(mood);
        let reply = browser.come_back(&world, "naver", &back).await;
        assert_eq!((reply.status, reply.code()), (500, "NAVER_PROCESSING_ERROR"), "{mood:?}");
        provider.be(Mood::Honest);
    }
    // A code that the provider does not know.
    let mut browser = Browser::default();
    let (_, state) = provider.sign_in(&browser.begin(&world, "kakao").await, "somebody");
    let reply = browser.come_back(&world, "kakao", &("made-up".to_owned(), state)).await;
    assert_eq!((reply.status, reply.code()), (500, "KAKAO_PROCESSING_ERROR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_at_the_provider_is_sent_back_without_a_session() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut browser = Browser::default();
    let (_, state) = provider.sign_in(&browser.begin(&world, "kakao").await, "somebody");
    let reply =
        browser.get(&world, &format!("/v1/auth/callback/kakao?error=access_denied&state={state}")).await;
    assert_eq!(location(&reply).as_str(), "https://app.example/home?tab=1&error=access_denied");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies.keys());
}
