//! /v1/auth, and who may pass elsewhere.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::json;
use shared::auth::Caller;
use shared::proto::v1::OpenSessionRequest;
use shared::proto::v1::session_service_client::SessionServiceClient;
use shared::testkit::{Engine, caller};
use shared::time::{Clock, Timestamp};

use crate::masked::masked;
use crate::world::{Call, Reply, SESSION_KEY, World};

/// A token as the gateway signs them.
pub fn token(user_id: &str, kind: &str, authority: &str, lifetime: i64) -> String {
    let now = Clock::system().now().as_micros() / 1_000_000;
    let claims = json!({
        "id": user_id,
        "auth_channel": "AUTH_CHANNEL_UNLINKED",
        "authority": authority,
        "typ": kind,
        "jti": shared::id::new_id(),
        "iat": now,
        "exp": now + lifetime,
    });
    let key = EncodingKey::from_secret(SESSION_KEY.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

pub fn access_token(user_id: &str, authority: &str, lifetime: i64) -> String {
    token(user_id, "access", authority, lifetime)
}

fn cookies(reply: &Reply) -> Vec<String> {
    let values = reply.headers.get_all("set-cookie").iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn cookie<'a>(cookies: &'a [String], name: &str) -> &'a str {
    cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap()
}

/// Opens a session of a user: its refresh token and its id.
pub async fn open_session(world: &World, user_id: &str) -> (String, String) {
    let session_id = shared::id::new_id();
    let refresh = token(user_id, "refresh", "AUTHORITY_USER", 3600);
    let request = OpenSessionRequest {
        user_id: user_id.to_owned(),
        refresh_token: refresh.clone(),
        expires_at: Some(Timestamp::from_micros(4_000_000_000_000_000).into()),
        session_id: session_id.clone(),
        device: "a test".to_owned(),
    };
    let mut client = SessionServiceClient::new(world.user_svc_channel().await);
    client.open_session(caller(Caller::Gateway, request)).await.unwrap();
    (refresh, session_id)
}

async fn hold_refresh_token(world: &World, user_id: &str) -> String {
    open_session(world, user_id).await.0
}

fn refresh_call(refresh: &str) -> Call {
    Call::new(Method::POST, "/v1/auth/refresh").header("cookie", &format!("refreshToken={refresh}"))
}

shared::on_each_engine! {
    async fn a_guest_gets_an_access_token_and_its_cookies(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let reply = world.send(Call::new(Method::POST, "/v1/auth/initiate")).await.expect(200);
        insta::assert_json_snapshot!("initiate", masked(reply.body.clone()));
        let cookies = cookies(&reply);
        let access = cookie(&cookies, "accessToken");
        assert!(access.contains(&reply.text("/accessToken")));
        assert!(access.contains("HttpOnly") && access.contains("Path=/") && access.contains("SameSite=Lax"));
        assert!(!access.contains("Secure"));
        assert!(!cookie(&cookies, "accessTokenExpiresAt").contains("HttpOnly"));
        assert!(cookie(&cookies, "refreshToken").contains("Max-Age=0"));

        let elsewhere = Call::new(Method::POST, "/v1/auth/initiate").header("host", "api.hearlers.example");
        let cookies = self::cookies(&world.send(elsewhere).await.expect(200));
        assert!(cookie(&cookies, "accessToken").contains("SameSite=None; Secure"));
    }

    async fn a_session_is_good_as_a_bearer_and_as_a_cookie(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let bearer = world.send(Call::get("/v1/users/me").by(&token)).await.expect(200);
        let call = Call::get("/v1/users/me").header("cookie", &format!("a=b; accessToken={token}"));
        let cookie = world.send(call).await.expect(200);
        assert_eq!(bearer.body["data"], cookie.body["data"]);
    }

    async fn a_refresh_token_is_exchanged_for_new_tokens(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let user_id = world.id_of(&world.guest().await).await;
        let old = hold_refresh_token(&world, &user_id).await;
        let refreshed = world.send(refresh_call(&old)).await.expect(200);
        assert_eq!(world.id_of(&refreshed.text("/accessToken")).await, user_id);
        let cookies = cookies(&refreshed);
        assert!(cookie(&cookies, "refreshToken").contains(&refreshed.text("/refreshToken")));
        assert!(cookie(&cookies, "refreshToken").contains("HttpOnly"));
        assert_ne!(refreshed.text("/refreshToken"), old);
        world.send(refresh_call(&refreshed.text("/refreshToken"))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_session_has_its_code() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user_id = world.id_of(&world.guest().await).await;
    let me = || Call::get("/v1/users/me");
    let expired = access_token(&user_id, "AUTHORITY_USER", -10);
    let refresh = token(&user_id, "refresh", "AUTHORITY_USER", 60);
    for (call, code) in [
        (me(), "COOKIE_NOT_FOUND"),
        (me().header("cookie", &format!("refreshToken={refresh}")), "ACCESS_TOKEN_REQUIRED"),
        (me().by(&expired), "ACCESS_TOKEN_EXPIRED"),
        (me().by("nonsense"), "ACCESS_TOKEN_INVALID"),
        (me().by(&refresh), "ACCESS_TOKEN_INVALID"),
        (Call::new(Method::POST, "/v1/auth/refresh"), "REFRESH_TOKEN_REQUIRED"),
        (refresh_call("nonsense"), "REFRESH_TOKEN_INVALID"),
        (refresh_call(&token(&user_id, "refresh", "AUTHORITY_USER", -10)), "REFRESH_TOKEN_EXPIRED"),
        (refresh_call(&refresh), "REFRESH_TOKEN_NOT_FOUND"),
    ] {
        let reply = world.send(call).await;
        assert_eq!((reply.status, reply.code()), (401, code));
        assert_eq!(reply.body["status"], "UNAUTHORIZED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_routes_are_for_admins() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let guest = world.guest().await;
    let guest_id = world.id_of(&guest).await;
    let path = format!("/v1/admin/users/{guest_id}");
    let refused = world.send(Call::get(&path).by(&guest)).await;
    assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
    assert_eq!(world.send(Call::get(&path)).await.code(), "COOKIE_NOT_FOUND");

    let admin = world.admin().await;
    let seen = world.send(Call::get(&path).by(&admin)).await.expect(200);
    assert_eq!(seen.text("/user/id"), guest_id);
    assert!(seen.text("/user/createdAt").ends_with('Z'));
    let version =
        world.send(Call::get("/v1/admin/prompt-versions/active-version").by(&admin)).await.expect(200);
    assert_eq!(version.body["data"]["promptVersion"]["isActive"], true);
    let query = format!("/v1/admin/counsel-techniques?promptVersionId={}", version.text("/promptVersion/id"));
    let techniques = world.send(Call::get(query).by(&admin)).await.expect(200);
    let tones = world.send(Call::get("/v1/admin/tones").by(&admin)).await.expect(200);
    for tone in tones.list("tones") {
        let of_tone =
            techniques.list("counselTechniques").iter().filter(|technique| technique["toneId"] == tone["id"]);
        assert_eq!(of_tone.filter(|technique| technique["isStartTechnique"] == true).count(), 1, "{tone}");
    }
    let missing = world.send(Call::get("/v1/admin/counsel-techniques").by(&admin)).await;
    assert_eq!((missing.status, missing.code()), (400, "HTTP_MISSING_REQUEST_PARAMETER"));
    assert_eq!(missing.details(), ["promptVersionId: is required"]);
    let malformed =
        world.send(Call::get("/v1/admin/counsel-techniques?promptVersionId=1&toneId=2").by(&admin)).await;
    assert_eq!((malformed.status, malformed.details().len()), (400, 2));
}
