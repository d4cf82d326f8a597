//! Who may see the console.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use reqwest::Method;
use shared::testkit::{Engine, eventually};

use super::{Operator, poison};
use crate::world::{Call, World};

async fn world(configure: impl FnOnce(&mut gateway::Config)) -> World {
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    Box::pin(World::start_as(Engine::Sqlite, assistant, configure)).await
}

const PAGES: [&str; 12] = [
    "/ops",
    "/ops/streams",
    "/ops/consumers",
    "/ops/consumers/user-svc-credits",
    "/ops/events",
    "/ops/event?key=USERS:1",
    "/ops/dead-letters",
    "/ops/dead-letters/1",
    "/ops/dead-letters/confirm?action=replay&letter=1",
    "/ops/consumers/user-svc-credits/replay?from=1",
    "/ops/record",
    "/ops/nothing",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_for_admins_alone() {
    let world = world(|_| ()).await;
    let token = world.guest().await;
    let guest_id = world.id_of(&token).await;
    let (nobody, guest) = (Operator::new(&world, None), Operator::new(&world, Some(token.clone())));
    let (admin, _) = Operator::admin(&world).await;
    poison(&world).await;
    for path in PAGES {
        nobody.get(path).await.expect(401).says(&["<h1>Sign in</h1>"]);
        guest.get(path).await.expect(403).says(&["<h1>Admins only</h1>", &guest_id]);
        let status = if path == "/ops/nothing" { 404 } else { 200 };
        let page = admin.get(path).await.expect(status).says(&["<!doctype html>", "</html>"]);
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{path}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        // What the policy would not let pass.
        assert!(!page.text.contains(" style=") && !page.text.contains("<script>"), "{path}");
    }
    let actions = ["/ops/dead-letters", "/ops/consumers/user-svc-credits/pause"];
    for path in actions {
        nobody.post(path, &[("action", "replay"), ("letter", "1"), ("minutes", "5")]).await.expect(401);
        guest.post(path, &[("action", "replay"), ("letter", "1"), ("minutes", "5")]).await.expect(403);
    }
    admin.get("/ops/record").await.expect(200).says(&["Nothing is on record."]);
    admin.get("/ops/consumers/user-svc-credits/pause").await.expect(405);

    // Programs are told in the envelope.
    let by_bearer = async |call: Call| world.send_to(&format!("http://{}", world.address()), call).await;
    let refused = by_bearer(Call::get("/ops")).await;
    assert_eq!((refused.status, refused.code()), (401, "COOKIE_NOT_FOUND"));
    let refused = by_bearer(Call::get("/ops").by(&token)).await;
    assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_can_do_nothing() {
    let world = world(|_| ()).await;
    let (admin, _) = Operator::admin(&world).await;
    let letter = poison(&world).await.to_string();
    // The last one may use the API with cookies, but not the console.
    for origin in ["https://evil.example", "null", "http://localhost:3000", "https://app.example"] {
        let fields = [("action", "discard"), ("letter", &letter), ("reason", "none")];
        admin.post_from(origin, "/ops/dead-letters", &fields).await.expect(403);
        let path = "/ops/consumers/user-svc-credits/pause";
        admin.post_from(origin, path, &[("minutes", "5")]).await.expect(403);
    }
    admin.get(&format!("/ops/dead-letters/{letter}")).await.expect(200);
    admin.get("/ops/record").await.expect(200).says(&["Nothing is on record."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_user_of_the_broker_there_is_no_console() {
    let world = world(|config| config.console = None).await;
    let admin = world.admin().await;
    for path in ["/ops", "/ops/dead-letters", "/ops/assets/style.css"] {
        let reply = world.send(Call::new(Method::GET, path).by(&admin).header("accept", "text/html")).await;
        assert_eq!((reply.status, reply.code()), (404, "HTTP_NOT_FOUND"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_the_way_in_is_shown() {
    let world = world(|config| {
        config.sign_in = gateway::SignInSettings { development: true, ..gateway::SignInSettings::default() };
    })
    .await;
    let base = format!("http://{}", world.address());
    let back = url::form_urlencoded::byte_serialize(format!("{base}/ops").as_bytes()).collect::<String>();
    let way = format!("href=\"/v1/auth/login/kakao?redirect-url={back}\"");
    Operator::new(&world, None).get("/ops").await.expect(401).says(&[&way]);
    let token = world.guest().await;
    let command = format!("deploy/just admin {}", world.id_of(&token).await);
    Operator::new(&world, Some(token)).get("/ops").await.expect(403).says(&[&way, &command]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_told_and_waited_for() {
    let world = world(|_| ()).await;
    let (admin, _) = Operator::admin(&world).await;
    admin.get("/ops").await.expect(200);
    world.nats.kill();
    eventually("it is missed", async || admin.get("/ops").await.status == 503).await;
    let page = admin.get("/ops/streams").await.expect(503);
    page.says(&["The broker does not answer", "<meta http-equiv=\"refresh\" content=\"3\">"]);
    let fields = [("minutes", "5")];
    let done = admin.post("/ops/consumers/user-svc-credits/pause", &fields).await.expect(503);
    assert!(!done.text.contains("http-equiv"), "a form is not sent again by itself");
    world.nats.resume().await;
    eventually("it is back", async || admin.get("/ops/streams").await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_the_language_of_the_browser_or_the_chosen_one() {
    let world = world(|_| ()).await;
    let (admin, _) = Operator::admin(&world).await;
    admin.get_in("/ops", "ko-KR,ko;q=0.9,en;q=0.8").await.says(&["<html lang=\"ko\">", "<h1>개요</h1>"]);
    admin.get_in("/ops", "en").await.says(&["<html lang=\"en\">", "<h1>Overview</h1>"]);
    let switched = admin.get_in("/ops/events?subject=users.user&lang=ko", "en").await;
    let cookie = switched.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("consoleLanguage=ko; Path=/ops;"), "{cookie}");
    switched.says(&["<h1>이벤트</h1>", "href=\"/ops/events?subject=users.user&#38;lang=en\""]);
    Operator::new(&world, None).get_in("/ops", "ko").await.expect(401).says(&["콘솔은 관리자 전용입니다."]);
}
