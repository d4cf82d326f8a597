//! Requests that a page of somebody else makes a browser send.

use axum::http::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;

use super::world;
use crate::world::Call;

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_change_nothing_with_cookies() {
    let world = world(|_| ()).await;
    let token = world.guest().await;
    let by_cookie = |method: Method| {
        Call::new(method, "/v1/users/me")
            .json(&json!({ "nickname": "changed" }))
            .header("cookie", &format!("accessToken={token}"))
    };
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let reply = world.send(by_cookie(Method::PUT).header(name, value)).await;
        assert_eq!((reply.status, reply.code()), (403, "FORBIDDEN"), "{name}: {value}");
        // Reading is what CORS is for.
        world.send(Call::get("/v1/users/me").by(&token).header(name, value)).await.expect(200);
    }
    // Another kind of authorization leaves it to the cookie who asks.
    let basic = by_cookie(Method::PUT).header("authorization", "Basic eDp5");
    assert_eq!(world.send(basic.header("origin", "https://evil.example")).await.status, 403);
    let me = world.send(Call::get("/v1/users/me").by(&token)).await.expect(200);
    assert_ne!(me.text("/user/nickname"), "changed");
    // A page cannot make a browser send this header without being allowed to.
    let by_header = Call::put("/v1/users/me", &json!({ "nickname": "by header" })).by(&token);
    world.send(by_header.header("origin", "https://evil.example")).await.expect(200);
    for (name, value) in
        [("origin", "https://app.example"), ("sec-fetch-site", "same-origin"), ("accept", "*/*")]
    {
        world.send(by_cookie(Method::PUT).header(name, value)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers() {
    let world = world(|_| ()).await;
    for path in ["/v1/users/me", "/v1/auth/login/kakao", "/nothing"] {
        let reply = world.send(Call::get(path)).await;
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(reply.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(reply.headers["referrer-policy"], "same-origin", "{path}");
    }
    let reply = world.send(Call::get("/v1/users/me")).await;
    assert_eq!(reply.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert!(!reply.headers.contains_key("strict-transport-security"), "not without TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_too_the_gateways_own_pages_use_its_cookies() {
    let world = world(|_| ()).await;
    let token = world.guest().await;
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for (origin, status) in [("http://api.example", 200), ("http://evil.example", 403)] {
        let request = Request::put("http://api.example/v1/users/me")
            .header("origin", origin)
            .header("cookie", format!("accessToken={token}"))
            .header("content-type", "application/json")
            .body(r#"{ "nickname": "by HTTP/2" }"#.to_owned())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, status), "{origin}");
    }
}
