//! A web client in a real browser: signs in with the development provider, talks, buys, signs out.

pub mod chromium;
mod client;
mod purchase;

use serde_json::json;

use self::client::{Client, serve_client};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_talks_signs_in_talks_on_and_signs_out() {
    let (origin, elsewhere) = (serve_client().await, serve_client().await);
    let Some((_world, mut client)) = Client::start(&origin).await else { return };

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
    client.listen("message").await;
    let said = client.call("POST", &messages, Some(json!({ "message": "said as somebody" }))).await;
    assert_eq!(said["status"], 201, "{said}");
    client.page.wait_for("told.some((data) => data.includes('said as somebody'))").await;
    let listed = client.call("GET", &messages, None).await.to_string();
    assert!(listed.contains("said as a guest") && listed.contains("said as somebody"), "{listed}");

    // Another page of this machine has the cookies sent along, and can neither read nor change anything.
    client.open(&format!("{elsewhere}/")).await;
    for (method, path) in [("GET", "/v1/users/me"), ("POST", "/v1/auth/logout"), ("DELETE", "/v1/users/me")] {
        let call = format!("{}.catch((error) => error.name)", client.calling(method, path, None));
        assert_eq!(client.page.eval(&call).await, "TypeError", "{method} {path}");
    }

    client.open(&format!("{origin}/")).await;
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
