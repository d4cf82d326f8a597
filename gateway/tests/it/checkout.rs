//! The sandbox's page for the payer: what it says when something is wrong.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use shared::id::new_id;
use shared::testkit::Engine;

use crate::orders::{CARD, create, pack};
use crate::world::{Call, World};

/// A browser, as far as its headers tell.
struct Browser(Client);

impl Browser {
    fn new() -> Self {
        Self(Client::builder().redirect(Policy::none()).build().unwrap())
    }

    async fn send(&self, method: Method, url: &str, language: &str, body: &str) -> Response {
        let request =
            self.0.request(method, url).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let request = request.header("accept-language", language).body(body.to_owned());
        request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
    }

    /// A page with this status, which can do nothing but what it is for.
    async fn page(&self, method: Method, url: &str, language: &str, body: &str, status: u16) -> String {
        let response = self.send(method, url, language, body).await;
        assert_eq!(response.status(), status);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            (header("content-type").as_str(), header("cache-control").as_str()),
            ("text/html; charset=utf-8", "no-store")
        );
        let page = response.text().await.unwrap();
        assert!(!page.contains("<script") && !page.contains("style="), "{page}");
        page
    }
}

async fn checkout(world: &World, user: &str) -> (String, String) {
    let created = world.send(create(user, &new_id(), &pack())).await.expect(201);
    (created.text("/order/id"), created.text("/checkout/url"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_is_told_on_a_page_what_is_wrong_and_a_program_in_json() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let browser = Browser::new();
    let (id, url) = checkout(&world, &user).await;
    let page = browser.page(Method::GET, &url, "", "", 200).await;
    assert!(
        page.contains("lang=en") && page.contains("3,900 KRW") && page.contains("메시지 토큰 100개"),
        "{page}"
    );
    let page = browser.page(Method::GET, &url, "ko", "", 200).await;
    assert!(page.contains("lang=ko") && page.contains("3,900원"), "{page}");

    // Neither a card nor a form.
    for body in ["card=1234", "cards=4242424242424242", ""] {
        let page = browser.page(Method::POST, &url, "en", body, 400).await;
        assert!(page.contains("none of the sandbox&#39;s cards") && page.contains("<a href=\"\">"), "{page}");
    }
    // Another tab has canceled it.
    world
        .send(Call::new(Method::POST, format!("/v1/payments/orders/{id}/cancel")).by(&user))
        .await
        .expect(200);
    let pay = format!("card={CARD}");
    let page = browser.page(Method::POST, &url, "en", &pay, 400).await;
    assert!(page.contains("This payment has ended") && page.contains("It was canceled."), "{page}");
    let page = browser.page(Method::GET, &url, "ko", "", 200).await;
    assert!(page.contains("이미 끝난 결제입니다") && !page.contains("<form"), "{page}");
    let nowhere = url.replace(&id, "%3Cscript%3E");
    for method in [Method::GET, Method::POST] {
        let page = browser.page(method, &nowhere, "en", &pay, 404).await;
        assert!(page.contains("There is no such payment"), "{page}");
    }

    // A program is told the same in JSON.
    let client = Client::new();
    for (url, status, code) in [(&url, 400, "ENDED"), (&nowhere, 404, "NOT_FOUND")] {
        let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let refused = request.body(pay.clone()).send().await.unwrap();
        assert_eq!(refused.status(), status);
        assert_eq!(refused.json::<Value>().await.unwrap()["code"], code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_nowhere_to_go_is_thanked() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let browser = Browser::new();
    let (_, url) = checkout(&world, &user).await;
    let page = browser.page(Method::POST, &url, "ko", &format!("card={CARD}"), 200).await;
    assert!(page.contains("감사합니다"), "{page}");
    // It looks like something.
    let style = url.split("/checkout/").next().unwrap().to_owned() + "/checkout.css";
    let style = browser.0.get(style).send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}
