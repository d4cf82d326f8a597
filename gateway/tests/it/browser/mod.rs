//! A web client in a real browser: signs in with the development provider, talks, signs out.

mod chromium;

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chromium::Page;
use counseling_svc::assistant::OfflineAssistant;
use serde_json::{Value, json};
use shared::testkit::Engine;
use tokio::net::TcpListener;

use crate::world::World;

/// What a client's pages have: calls with the cookies of the session.
const CLIENT: &str = r"
<!doctype html><title>client</title>
<script>
  const call = (base) => async (method, path, body) => {
    const answer = await fetch(base + path, {
      method, credentials: 'include',
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body && JSON.stringify(body),
    });
    return { ...(await answer.json()), status: answer.status };
  };
</script>";

/// Serves the client: its origin.
async fn serve_client() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(|| async { Html(CLIENT) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// The page with the client, and what calls go to.
struct Client {
    page: Page,
    base: String,
}

impl Client {
    async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map_or("undefined".to_owned(), |body| body.to_string());
        let call = format!("call({:?})({method:?}, {path:?}, {body})", self.base);
        self.page.eval(&call).await
    }

    /// Follows a link to sign in, and comes back to `origin` as who says this name.
    async fn sign_in(&mut self, origin: &str, name: &str) {
        self.page.go(&format!("{}/v1/auth/login/kakao?redirect-url={origin}/", self.base)).await;
        self.page.wait_for("document.querySelector('[name=account]')").await;
        let fill = format!("document.querySelector('[name=account]').value = {name:?}");
        self.page.eval(&fill).await;
        self.page.eval("document.querySelector('[value=allow]').click()").await;
        self.page.wait_for(&format!("location.origin === {origin:?} && typeof call === 'function'")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_talks_signs_in_talks_on_and_signs_out() {
    let Some(page) = Page::open().await else {
        eprintln!("skipped: there is no Chromium on the PATH, and CHROMIUM names none");
        return;
    };
    let (origin, elsewhere) = (serve_client().await, serve_client().await);
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let cors_origins = vec![origin.clone()];
    let world = Box::pin(World::start_as(Engine::Sqlite, assistant, |config| {
        config.sign_in = gateway::SignInSettings {
            development: true,
            redirect_origins: cors_origins.clone(),
            ..gateway::SignInSettings::default()
        };
        config.cors_origins = cors_origins;
    }))
    .await;
    let mut client = Client { page, base: format!("http://{}", world.address()) };
    client.page.go(&format!("{origin}/")).await;
    client.page.wait_for("typeof call === 'function'").await;

    // As a guest: the cookies are the session.
    assert_eq!(client.call("GET", "/v1/users/me", None).await["status"], 401);
    assert_eq!(client.call("POST", "/v1/auth/initiate", None).await["status"], 200);
    let seen = client.page.eval("document.cookie").await.to_string();
    assert!(
        seen.contains("accessTokenExpiresAt") && !seen.contains("eyJ"),
        "scripts see when, and no token: {seen}"
    );
    let guest = client.call("GET", "/v1/users/me", None).await["data"]["user"]["id"].clone();
    let counselors = client.call("GET", "/v1/counselors", None).await;
    let counselor = counselors["data"]["counselors"][0]["id"].as_str().unwrap();
    let counsels = format!("/v1/counselors/{counselor}/counsels");
    let counsel = client.call("POST", &counsels, Some(json!({}))).await;
    assert_eq!(counsel["status"], 201, "{counsel}");
    let messages = format!("{counsels}/{}/messages", counsel["data"]["counsel"]["id"].as_str().unwrap());
    let said = client.call("POST", &messages, Some(json!({ "message": "said as a guest" }))).await;
    assert_eq!(said["status"], 201, "{said}");

    // As somebody: what was said stays, and the feed of another tab tells what is said from now on.
    client.sign_in(&origin, "browser").await;
    assert_eq!(client.call("GET", "/v1/users/me", None).await["data"]["user"]["id"], guest);
    let tokens = client.call("GET", "/v1/users/me/tokens", None).await;
    assert_eq!(tokens["data"]["tokens"]["allowance"], 1000, "{tokens}");
    let listen = format!(
        "window.told = []; window.feed = new EventSource({:?} + '/v1/counsels/events', {{ withCredentials: true }}); \
         feed.addEventListener('message', (event) => told.push(event.data)); 0",
        client.base
    );
    client.page.eval(&listen).await;
    client.page.wait_for("feed.readyState === EventSource.OPEN").await;
    let said = client.call("POST", &messages, Some(json!({ "message": "said as somebody" }))).await;
    assert_eq!(said["status"], 201, "{said}");
    client.page.wait_for("told.some((data) => data.includes('said as somebody'))").await;
    let listed = client.call("GET", &messages, None).await.to_string();
    assert!(listed.contains("said as a guest") && listed.contains("said as somebody"), "{listed}");

    // Another page of this machine has the cookies sent along, and can neither read nor change anything.
    client.page.go(&format!("{elsewhere}/")).await;
    client.page.wait_for("typeof call === 'function'").await;
    for (method, path) in [("GET", "/v1/users/me"), ("POST", "/v1/auth/logout"), ("DELETE", "/v1/users/me")] {
        let call = format!("call({:?})({method:?}, {path:?}).catch((error) => error.name)", client.base);
        assert_eq!(client.page.eval(&call).await, "TypeError", "{method} {path}");
    }

    client.page.go(&format!("{origin}/")).await;
    client.page.wait_for("typeof call === 'function'").await;
    assert_eq!(client.call("GET", "/v1/users/me", None).await["data"]["user"]["id"], guest);
    assert_eq!(client.call("POST", "/v1/auth/logout", None).await["status"], 200);
    let out = client.call("GET", "/v1/users/me", None).await;
    assert_eq!(out["status"], 401, "{out}");

    // The same account again is the same person; another is not.
    client.sign_in(&origin, "browser").await;
    assert_eq!(client.call("GET", "/v1/users/me", None).await["data"]["user"]["id"], guest);
    client.call("POST", "/v1/auth/logout-all", None).await;
    client.sign_in(&origin, "somebody else").await;
    assert_ne!(client.call("GET", "/v1/users/me", None).await["data"]["user"]["id"], guest);
    client.page.close().await;
}
