//! An identity provider on this machine that behaves as the public documentation says, or badly: Kakao by OpenID
//! Connect (<https://developers.kakao.com/docs/latest/en/kakaologin/rest-api>) and NAVER by OAuth 2.0
//! (<https://developers.naver.com/docs/login/api/api.md>).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, rand_core};
use serde_json::{Value, json};
use shared::config::Secret;
use shared::time::Clock;
use tokio::net::TcpListener;

pub const CLIENT: &str = "the gateway's client id";
pub const SECRET: &str = "the gateway's client secret";

/// Keys take long to make: one for the provider, and one that is not its own.
static KEYS: LazyLock<[RsaPrivateKey; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaPrivateKey::new(&mut rand_core::OsRng, 2048).unwrap()));

/// What a provider that lies, or fails, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Honest,
    OtherNonce,
    OtherAudience,
    OtherIssuer,
    OtherKey,
    Expired,
    NoSignature,
    /// Signs with its public key as if that were a secret.
    KeyConfusion,
    NoIdToken,
    Garbage,
    Refusing,
    Broken,
    Silent,
    /// Says that more came than anybody reads.
    Endless,
}

impl Mood {
    pub const BAD: [Self; 13] = [
        Self::OtherNonce,
        Self::OtherAudience,
        Self::OtherIssuer,
        Self::OtherKey,
        Self::Expired,
        Self::NoSignature,
        Self::KeyConfusion,
        Self::NoIdToken,
        Self::Garbage,
        Self::Refusing,
        Self::Broken,
        Self::Silent,
        Self::Endless,
    ];
}

/// What a code stands for.
#[derive(Clone)]
struct Grant {
    account: String,
    asked: HashMap<String, String>,
}

struct Inner {
    base: String,
    mood: Mutex<Mood>,
    key: Mutex<usize>,
    codes: Mutex<HashMap<String, Grant>>,
}

/// The provider.
#[derive(Clone)]
pub struct FakeProvider {
    inner: Arc<Inner>,
}

impl FakeProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Inner {
            base: format!("http://{}", listener.local_addr().unwrap()),
            mood: Mutex::new(Mood::Honest),
            key: Mutex::new(0),
            codes: Mutex::default(),
        };
        let provider = Self { inner: Arc::new(inner) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/.well-known/jwks.json", get(keys))
            .route("/oauth/token", post(token))
            .route("/oauth2.0/token", post(naver_token))
            .route("/v1/nid/me", get(naver_profile))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn kakao(&self) -> gateway::OpenIdSettings {
        gateway::OpenIdSettings {
            issuer: self.inner.base.parse().unwrap(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET)),
        }
    }

    pub fn naver(&self) -> gateway::NaverSettings {
        gateway::NaverSettings {
            base_url: self.inner.base.parse().unwrap(),
            api_url: self.inner.base.parse().unwrap(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET)),
        }
    }

    pub fn be(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// Signs with another key from now on, and publishes that one.
    pub fn change_key(&self) {
        *self.inner.key.lock().unwrap() = 1;
    }

    /// Somebody signs in on the provider's page: what the browser comes back with.
    pub fn sign_in(&self, authorize: &Url, account: &str) -> (String, String) {
        let asked: HashMap<_, _> = authorize.query_pairs().into_owned().collect();
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(asked["code_challenge_method"], "S256");
        let (code, state) = (shared::id::new_id(), asked["state"].clone());
        let grant = Grant { account: account.to_owned(), asked };
        self.inner.codes.lock().unwrap().insert(code.clone(), grant);
        (code, state)
    }

    fn mood(&self) -> Mood {
        *self.inner.mood.lock().unwrap()
    }

    fn key(&self) -> &'static RsaPrivateKey {
        &KEYS[*self.inner.key.lock().unwrap()]
    }

    fn key_id(&self) -> String {
        format!("key {}", self.inner.key.lock().unwrap())
    }

    /// What a code stands for, if the client, its verifier and its address are right. A code is good once.
    fn redeem(&self, form: &HashMap<String, String>) -> Option<Grant> {
        let grant = self.inner.codes.lock().unwrap().remove(form.get("code")?)?;
        let verifier = openidconnect::PkceCodeVerifier::new(form.get("code_verifier")?.clone());
        let challenge = openidconnect::PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let is_right = form.get("grant_type")? == "authorization_code"
            && form.get("client_id")? == CLIENT
            && form.get("client_secret")? == SECRET
            && form.get("redirect_uri")? == &grant.asked["redirect_uri"]
            && challenge.as_str() == grant.asked["code_challenge"];
        is_right.then_some(grant)
    }

    fn id_token(&self, grant: &Grant) -> String {
        let mood = self.mood();
        let now = Clock::system().now().as_micros() / 1_000_000;
        let other =
            |mine: Mood, bad: &str, good: &str| if mood == mine { bad.to_owned() } else { good.to_owned() };
        let claims = json!({
            "iss": other(Mood::OtherIssuer, "https://evil.example", &self.inner.base),
            "aud": other(Mood::OtherAudience, "another client", CLIENT),
            "sub": grant.account,
            "nonce": other(Mood::OtherNonce, "another nonce", &grant.asked["nonce"]),
            "iat": now - 7200,
            "auth_time": now - 7200,
            "exp": if mood == Mood::Expired { now - 3600 } else { now + 3600 },
        });
        let header = Header { kid: Some(self.key_id()), ..Header::new(Algorithm::RS256) };
        match mood {
            Mood::NoSignature => {
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(json!({ "alg": "none", "typ": "JWT" })), part(claims))
            }
            Mood::KeyConfusion => {
                let header = Header { alg: Algorithm::HS256, ..header };
                let secret = EncodingKey::from_secret(&self.key().n().to_bytes_be());
                jsonwebtoken::encode(&header, &claims, &secret).unwrap()
            }
            _ => {
                let key = if mood == Mood::OtherKey { &KEYS[1] } else { self.key() };
                let key = EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes());
                jsonwebtoken::encode(&header, &claims, &key).unwrap()
            }
        }
    }

    /// What a provider in a bad mood answers to anything.
    async fn fail(&self) -> Option<Response> {
        match self.mood() {
            Mood::Garbage => Some("<html>".into_response()),
            Mood::Refusing => {
                let refusal = json!({ "error": "invalid_grant", "error_code": "KOE320" });
                Some((StatusCode::BAD_REQUEST, Json(refusal)).into_response())
            }
            Mood::Broken => Some(StatusCode::BAD_GATEWAY.into_response()),
            Mood::Silent => std::future::pending().await,
            Mood::Endless => Some(" ".repeat(1024 * 1024).into_response()),
            _ => None,
        }
    }
}

async fn configuration(State(provider): State<FakeProvider>) -> Response {
    let base = &provider.inner.base;
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "userinfo_endpoint": format!("{base}/v1/oidc/userinfo"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_uri_parameter_supported": false,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["iss", "aud", "sub", "auth_time", "exp", "iat", "nonce"],
    }))
    .into_response()
}

async fn keys(State(provider): State<FakeProvider>) -> Json<Value> {
    let part = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    let key = provider.key();
    let (n, e) = (part(key.n()), part(key.e()));
    let key = json!({ "kid": provider.key_id(), "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e });
    Json(json!({ "keys": [key] }))
}

async fn token(State(provider): State<FakeProvider>, Form(form): Form<HashMap<String, String>>) -> Response {
    if let Some(failure) = provider.fail().await {
        return failure;
    }
    let Some(grant) = provider.redeem(&form) else {
        let refusal =
            json!({ "error": "invalid_grant", "error_description": "authorization code not found" });
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    };
    let mut tokens = json!({
        "token_type": "bearer",
        "access_token": "a token for the provider's own API",
        "id_token": provider.id_token(&grant),
        "expires_in": 7199,
        "refresh_token": "another",
        "refresh_token_expires_in": 86399,
        "scope": "openid",
    });
    if provider.mood() == Mood::NoIdToken {
        tokens.as_object_mut().unwrap().remove("id_token");
    }
    Json(tokens).into_response()
}

/// Errors come with the status 200, and `expires_in` is a text.
async fn naver_token(
    State(provider): State<FakeProvider>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    if let Some(failure) = provider.fail().await {
        return failure;
    }
    match provider.redeem(&form) {
        Some(grant) if form.get("state") == grant.asked.get("state") => {
            let token = shared::id::new_id();
            provider.inner.codes.lock().unwrap().insert(token.clone(), grant);
            let (refresh, kind) = ("another", "bearer");
            Json(json!({
                "access_token": token, "refresh_token": refresh, "token_type": kind, "expires_in": "3600",
            }))
            .into_response()
        }
        _ => Json(json!({ "error": "invalid_request", "error_description": "no valid data in session" }))
            .into_response(),
    }
}

async fn naver_profile(State(provider): State<FakeProvider>, headers: HeaderMap) -> Response {
    let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let grant = provider.inner.codes.lock().unwrap().remove(token);
    match grant {
        Some(grant) => {
            let response = json!({ "id": grant.account, "nickname": "somebody", "email": "a@naver.example" });
            Json(json!({ "resultcode": "00", "message": "success", "response": response })).into_response()
        }
        None => {
            let refusal = json!({ "resultcode": "024", "message": "Authentication failed" });
            (StatusCode::UNAUTHORIZED, Json(refusal)).into_response()
        }
    }
}
