//! Sign-in with an account at an identity provider.

pub mod browser;
mod development;
pub mod provider;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use browser::{Browser, location};
use counseling_svc::assistant::OfflineAssistant;
use gateway::Provider;
use provider::FakeProvider;
use shared::testkit::Engine;

use crate::world::{Call, World};

/// A mesh whose people sign in at `provider`.
pub async fn world(engine: Engine, provider: &FakeProvider) -> World {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let sign_in = gateway::SignInSettings {
        public_url: Some("https://api.example".parse().unwrap()),
        redirect_origins: vec!["https://app.example".to_owned()],
        kakao: Some(provider.kakao()),
        naver: Some(provider.naver()),
        admin_accounts: vec![(Provider::Kakao, "the boss".to_owned())],
        // An honest provider answers in time on a busy machine, too.
        provider_timeout: Duration::from_secs(5),
        development: false,
    };
    Box::pin(World::start_as(engine, assistant, |config| config.sign_in = sign_in)).await
}

/// Signs in with an account, in a browser that may hold cookies already.
pub async fn sign_in(
    world: &World,
    provider: &FakeProvider,
    browser: &mut Browser,
    name: &str,
    account: &str,
) {
    let asked = browser.begin(world, name).await;
    let back = provider.sign_in(&asked, account);
    let reply = browser.come_back(world, name, &back).await;
    assert_eq!(location(&reply).as_str(), "https://app.example/home?tab=1");
}

shared::on_each_engine! {
    async fn who_signs_in_has_a_session(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        for (name, channel) in [("kakao", "AUTH_CHANNEL_KAKAO"), ("naver", "AUTH_CHANNEL_NAVER")] {
            let mut browser = Browser::default();
            let asked = browser.begin(&world, name).await;
            let query: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
            assert_eq!(query["redirect_uri"], format!("https://api.example/v1/auth/callback/{name}"));
            assert_eq!(browser.cookies.len(), 1, "the ticket alone: {:?}", browser.cookies.keys());
            let back = provider.sign_in(&asked, "somebody");
            let reply = browser.come_back(&world, name, &back).await;
            assert_eq!(location(&reply).as_str(), "https://app.example/home?tab=1");
            let kept: Vec<_> = browser.cookies.keys().map(String::as_str).collect();
            let session =
                ["accessToken", "accessTokenExpiresAt", "refreshToken", "refreshTokenExpiresAt"];
            assert_eq!(kept, session, "the ticket is gone");

            let user_id = browser.user_id(&world).await;
            assert_eq!(world.tokens(&user_id).await.allowance, Some(1000));
            let claims = browser.cookies["accessToken"].split('.').nth(1).unwrap().to_owned();
            let claims = base64::Engine::decode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                claims,
            );
            let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
            assert_eq!(claims["auth_channel"], channel);
            let refreshed = browser.send(&world, Call::new(reqwest::Method::POST, "/v1/auth/refresh")).await;
            refreshed.expect(200);
            assert_eq!(browser.user_id(&world).await, user_id);

            // In another browser it is the same person.
            let mut other = Browser::default();
            sign_in(&world, &provider, &mut other, name, "somebody").await;
            assert_eq!(other.user_id(&world).await, user_id);
        }
    }

    async fn a_guest_keeps_its_counsels(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let mut browser = Browser::default();
        let call = Call::new(reqwest::Method::POST, "/v1/auth/initiate");
        let token = browser.send(&world, call).await.expect(200).text("/accessToken");
        let messages = world.counsel(&token).await;
        world.say(&token, &messages, "I am still a guest").await.expect(201);
        let guest_id = browser.user_id(&world).await;

        sign_in(&world, &provider, &mut browser, "kakao", "somebody").await;
        assert_eq!(browser.user_id(&world).await, guest_id);
        let listed = browser.get(&world, &messages).await.expect(200);
        assert!(listed.body.to_string().contains("I am still a guest"));
        assert_eq!(world.tokens(&guest_id).await.allowance, Some(1000));
    }

    async fn an_account_that_is_linked_signs_in_as_itself_and_the_guest_stays_apart(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let mut first = Browser::default();
        sign_in(&world, &provider, &mut first, "kakao", "somebody").await;
        let user_id = first.user_id(&world).await;

        let mut second = Browser::default();
        let call = Call::new(reqwest::Method::POST, "/v1/auth/initiate");
        let guest = second.send(&world, call).await.expect(200).text("/accessToken");
        let messages = world.counsel(&guest).await;
        sign_in(&world, &provider, &mut second, "kakao", "somebody").await;
        assert_eq!(second.user_id(&world).await, user_id);
        assert_eq!(second.get(&world, &messages).await.status, 404);
        assert_eq!(world.send(Call::get(&messages).by(&guest)).await.status, 200);

        // Who is somebody already does not become somebody else.
        sign_in(&world, &provider, &mut second, "kakao", "another").await;
        assert_ne!(second.user_id(&world).await, user_id);
        sign_in(&world, &provider, &mut second, "kakao", "somebody").await;
        assert_eq!(second.user_id(&world).await, user_id);
    }

    async fn of_many_who_sign_in_at_once_with_one_account_all_are_the_same(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        let signed_in = (0..6).map(|_| async {
            let mut browser = Browser::default();
            sign_in(&world, &provider, &mut browser, "kakao", "everybody").await;
            browser.user_id(&world).await
        });
        let ids = futures::future::join_all(signed_in).await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    async fn accounts_that_are_configured_get_admin_authority(engine: Engine) {
        let provider = FakeProvider::start().await;
        let world = world(engine, &provider).await;
        // NAVER's account of that id is somebody else.
        for (name, account, status) in
            [("kakao", "the boss", 200), ("naver", "the boss", 403), ("kakao", "somebody", 403)]
        {
            let mut browser = Browser::default();
            sign_in(&world, &provider, &mut browser, name, account).await;
            let reply = browser.get(&world, "/v1/admin/tones").await;
            assert_eq!(reply.status, status, "{name} {account}: {}", reply.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_sign_in_side_by_side() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut browser = Browser::default();
    let (one, other) = (browser.begin(&world, "kakao").await, browser.begin(&world, "kakao").await);
    for asked in [one, other] {
        let back = provider.sign_in(&asked, "somebody");
        location(&browser.come_back(&world, "kakao", &back).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_changes_its_key_is_believed() {
    let provider = FakeProvider::start().await;
    let world = world(Engine::Sqlite, &provider).await;
    let mut browser = Browser::default();
    sign_in(&world, &provider, &mut browser, "kakao", "somebody").await;
    provider.change_key();
    sign_in(&world, &provider, &mut browser, "kakao", "somebody").await;
}
