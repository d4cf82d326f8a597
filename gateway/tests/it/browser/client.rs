//! A web client, and the browser that it runs in.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use counseling_svc::assistant::OfflineAssistant;
use serde_json::Value;
use shared::testkit::Engine;
use tokio::net::TcpListener;

use super::chromium::Page;
use crate::world::World;

/// What a client's pages have: calls with the cookies of the session.
const CLIENT: &str = r"
<!doctype html><title>client</title>
<script>
  const call = (base) => async (method, path, body) => {
    const answer = await fetch(base + path, {
      method, credentials: 'include',
      headers: body ? { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() } : {},
      body: body && JSON.stringify(body),
    });
    return { ...(await answer.json()), status: answer.status };
  };
</script>";

/// Serves a client: its origin.
pub async fn serve_client() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(|| async { Html(CLIENT) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// The page with the client, and the gateway that calls go to.
pub struct Client {
    pub page: Page,
    base: String,
}

impl Client {
    /// At `origin`, in front of a mesh whose gateway knows it; nothing when there is no browser to run it in.
    pub async fn start(origin: &str) -> Option<(World, Self)> {
        let Some(page) = Page::open().await else {
            eprintln!("skipped: there is no Chromium on the PATH, and CHROMIUM names none");
            return None;
        };
        let assistant = Arc::new(OfflineAssistant::new().unwrap());
        let cors_origins = vec![origin.to_owned()];
        let world = Box::pin(World::start_as(Engine::Sqlite, assistant, |config| {
            config.sign_in = gateway::SignInSettings {
                development: true,
                redirect_origins: cors_origins.clone(),
                ..gateway::SignInSettings::default()
            };
            config.cors_origins = cors_origins;
        }))
        .await;
        let mut client = Self { page, base: format!("http://{}", world.address()) };
        client.open(&format!("{origin}/")).await;
        Some((world, client))
    }

    /// Opens a page of a client.
    pub async fn open(&mut self, url: &str) {
        self.page.go(url).await;
        self.page.wait_for("typeof call === 'function'").await;
    }

    /// A call with the cookies of the session: an expression of the page's script.
    pub fn calling(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let body = body.map_or("undefined".to_owned(), Value::to_string);
        format!("call({:?})({method:?}, {path:?}, {body})", self.base)
    }

    /// What a call is answered.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let call = self.calling(method, path, body.as_ref());
        self.page.eval(&call).await
    }

    /// Opens the feed, and notes the data of its events of one kind in `told`.
    pub async fn listen(&mut self, kind: &str) {
        let listen = format!(
            "window.told = []; window.feed = new EventSource({:?} + '/v1/counsels/events', \
             {{ withCredentials: true }}); \
             feed.addEventListener({kind:?}, (event) => told.push(event.data)); 0",
            self.base
        );
        self.page.eval(&listen).await;
        self.page.wait_for("feed.readyState === EventSource.OPEN").await;
    }

    /// Follows a link to sign in, and comes back to `origin` as who says this name.
    pub async fn sign_in(&mut self, origin: &str, name: &str) {
        self.page.go(&format!("{}/v1/auth/login/kakao?redirect-url={origin}/", self.base)).await;
        self.page.wait_for("document.querySelector('[name=account]')").await;
        let fill = format!("document.querySelector('[name=account]').value = {name:?}");
        self.page.eval(&fill).await;
        self.page.eval("document.querySelector('[value=allow]').click()").await;
        self.page.wait_for(&format!("location.origin === {origin:?} && typeof call === 'function'")).await;
    }
}
