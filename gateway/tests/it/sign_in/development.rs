//! The provider that a gateway plays in development.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use reqwest::Method;
use shared::testkit::Engine;

use super::browser::{Browser, location};
use crate::world::{Call, World};

async fn world(development: bool) -> World {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let sign_in = gateway::SignInSettings { development, ..gateway::SignInSettings::default() };
    Box::pin(World::start_as(Engine::Sqlite, assistant, |config| config.sign_in = sign_in)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_one_signs_in_by_a_name() {
    let world = world(true).await;
    let mut ids = Vec::new();
    for (provider, name) in [("kakao", "me"), ("kakao", "me"), ("kakao", "you"), ("naver", "me")] {
        let mut browser = Browser::default();
        let path = format!("/v1/auth/login/{provider}?redirect-url=http://127.0.0.1:3000/");
        let asked = location(&browser.get(&world, &path).await);
        let page = format!("{}?{}", asked.path(), asked.query().unwrap());
        assert!(world.text(&page).await.contains("Who are you?"));

        let answer = world.post_form(&page, &[("account", name), ("decision", "allow")]).await;
        assert_eq!(answer.status(), 303);
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        let back: reqwest::Url = back.parse().unwrap();
        let back = format!("{}?{}", back.path(), back.query().unwrap());
        assert_eq!(location(&browser.get(&world, &back).await).as_str(), "http://127.0.0.1:3000/");
        ids.push(browser.user_id(&world).await);
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[2] != ids[0] && ids[3] != ids[0] && ids[3] != ids[2], "{ids:?}");

    let mut browser = Browser::default();
    let asked = browser.get(&world, "/v1/auth/login/kakao?redirect-url=http://localhost:3000/").await;
    let asked = location(&asked);
    let page = format!("{}?{}", asked.path(), asked.query().unwrap());
    let answer = world.post_form(&page, &[("account", ""), ("decision", "deny")]).await;
    assert!(answer.headers()["location"].to_str().unwrap().contains("error=access_denied"));
    let elsewhere = page.replace("redirect_uri=http", "redirect_uri=https%3A%2F%2Fevil.example%2F&x=http");
    assert_eq!(world.post_form(&elsewhere, &[("account", "me")]).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_there_is_no_such_provider() {
    let world = world(false).await;
    for path in ["authorize", "token", "keys", ".well-known/openid-configuration"] {
        let reply = world.send(Call::new(Method::GET, format!("/development/identity/{path}"))).await;
        assert_eq!((reply.status, reply.code()), (404, "HTTP_NOT_FOUND"));
    }
}
