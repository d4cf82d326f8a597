//! Requests that no decent client sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::world;
use crate::world::World;

const LIMIT: Duration = Duration::from_secs(20);

/// Sends bytes: what comes back until the gateway closes, or until it has answered.
async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    // The gateway may have closed already.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
            if answer.windows(2).any(|window| window == b"}\n") || answer.ends_with(b"}") {
                break;
            }
        }
    };
    timeout(LIMIT, read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends bytes: all that comes back until the gateway closes.
async fn everything(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_length() {
    let world = world(|_| ()).await;
    let head = "POST /v1/auth/initiate HTTP/1.1\r\nhost: a\r\n";
    for rest in [
        "content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        "content-length: 5, 6\r\n\r\nhello!",
        "content-length: +5\r\n\r\nhello",
        "content-length: -1\r\n\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "content-length : 5\r\n\r\nhello",
        " folded: x\r\n\r\n",
        "a: b\r\n c\r\n\r\n",
        "a\x01b: c\r\n\r\n",
        "a: b\0c\r\n\r\n",
    ] {
        let answer = exchange(&world, format!("{head}{rest}").as_bytes()).await;
        assert_eq!(status(&answer), 400, "{rest:?}: {answer}");
    }
    // A bare LF may end a line (RFC 9112, section 2.2).
    assert_eq!(status(&exchange(&world, b"GET /livez HTTP/1.1\nhost: a\nconnection: close\n\n").await), 200);
    // With both, the chunks count, and what is left over must not be taken for a request (RFC 9112, section 6.3).
    let smuggled = "content-length: 60\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
                    GET /v1/admin/tones HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = exchange(&world, format!("{head}{smuggled}").as_bytes()).await;
    assert!(!answer.contains("tones"), "{answer}");
    // The connection is closed after the first answer, before anybody reads the rest.
    let answer = everything(&world, format!("{head}{smuggled}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_lead_around_no_check() {
    let world = world(|_| ()).await;
    let token = world.guest().await;
    for path in [
        "//v1/admin/tones",
        "/v1//admin/tones",
        "/v1/./admin/tones",
        "/v1/x/../admin/tones",
        "/v1/%2e%2e/v1/admin/tones",
        "/v1/%61dmin/tones",
        "/v1/admin%2ftones",
        "/v1/ADMIN/tones",
        "/v1/admin/tones/",
        "/v1/admin/tones;x=1",
        "/v1/admin/tones%00",
        "http://a/v1/admin/tones",
        "/V1/admin/tones",
        "/v1/admin/tones/..%2f..%2fx",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
        let answer = exchange(&world, request.as_bytes()).await;
        assert!(matches!(status(&answer), 400 | 403 | 404), "{path}: {answer}");
        assert!(!answer.contains("\"tones\""), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused() {
    let world = world(|_| ()).await;
    let long = "x".repeat(64 * 1024);
    for head in [
        format!("GET /v1/users/me HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(200)),
    ] {
        let answer = exchange(&world, head.as_bytes()).await;
        assert!(matches!(status(&answer), 400 | 414 | 431), "{answer}");
    }
    let token = world.guest().await;
    let body = format!("{{\"nickname\": \"{}\"}}", "x".repeat(17 * 1024));
    let request = format!(
        "PUT /v1/users/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    assert_eq!(status(&exchange(&world, request.as_bytes()).await), 413);
    // Without saying how long it will be.
    let chunked = format!(
        "PUT /v1/users/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len(),
    );
    assert_eq!(status(&exchange(&world, chunked.as_bytes()).await), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_slowly_does_not_hold_a_place() {
    let world = world(|edge| {
        edge.header_timeout = Duration::from_millis(300);
        edge.connections = 3;
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ").await.unwrap();
        slow.push(stream);
    }
    // More than there are places: the ones that say nothing are let go.
    for mut stream in slow {
        let mut answer = Vec::new();
        let closed = timeout(LIMIT, stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "the connection is still open");
    }
    let answer = exchange(&world, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(status(&answer), 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_nothing_does_not_hold_a_place() {
    let world = world(|edge| {
        edge.header_timeout = Duration::from_millis(300);
        edge.connections = 3;
    })
    .await;
    // Nothing at all, the beginning of either protocol, and HTTP/2 without a request.
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut silent = Vec::new();
    for bytes in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"G", settings] {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        silent.push(stream);
    }
    for mut stream in silent {
        let closed = timeout(LIMIT, stream.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "the connection is still open");
    }
    let answer = exchange(&world, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(status(&answer), 200, "{answer}");
}
