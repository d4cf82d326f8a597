//! An identity provider for development: a page on which one says who one is. It plays Kakao (OpenID Connect) and NAVER
//! (OAuth 2.0) over HTTP, so that sign-in takes the same way through the same code as with the real ones.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::error::Error;
use shared::hash::sha256_hex;
use shared::keys::SigningKey;
use shared::time::Clock;
use url::Url;

use super::naver::NaverSettings;
use super::openid::OpenIdSettings;
use super::ticket::random;
use crate::origins::is_local;

const PATH: &str = "/development/identity";
const CLIENT: &str = "development";
const KEY_ID: &str = "development";
/// How long a code or a token is good for.
const LIFETIME: Duration = Duration::from_secs(300);
/// How many are remembered at most; the provider is for a few people on one machine.
const MOST: usize = 1000;

/// The provider.
#[derive(Clone)]
pub struct DevelopmentIdentity {
    inner: Arc<Inner>,
}

struct Inner {
    base: Url,
    key: EncodingKey,
    /// The public key, in Base64.
    public: String,
    grants: Mutex<HashMap<String, Grant>>,
}

/// What a code or an access token stands for.
#[derive(Clone)]
struct Grant {
    account: String,
    nonce: Option<String>,
    challenge: String,
    redirect_uri: String,
    until: Instant,
}

/// What a client sends a browser with.
#[derive(Deserialize)]
struct Authorize {
    client_id: String,
    redirect_uri: Url,
    state: String,
    code_challenge: String,
    nonce: Option<String>,
}

/// What a client exchanges a code with.
#[derive(Deserialize)]
struct Exchange {
    client_id: String,
    code: String,
    code_verifier: String,
    redirect_uri: String,
}

impl DevelopmentIdentity {
    /// A provider that this gateway serves, with a key of its own.
    ///
    /// # Errors
    /// When the key cannot be written.
    pub fn new(address: SocketAddr) -> Result<Self, Error> {
        let host = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
        let base = format!("http://{}{PATH}", SocketAddr::new(host, address.port()));
        let base = Url::parse(&base).map_err(Error::internal)?;
        let key = SigningKey::generate();
        let (public, key) = (key.verifying().x(), key.encoding()?);
        Ok(Self { inner: Arc::new(Inner { base, key, public, grants: Mutex::default() }) })
    }

    /// As the gateway reaches it in place of Kakao.
    pub fn as_kakao(&self) -> OpenIdSettings {
        OpenIdSettings { issuer: self.inner.base.clone(), client_id: CLIENT.to_owned(), client_secret: None }
    }

    /// As the gateway reaches it in place of NAVER.
    pub fn as_naver(&self) -> NaverSettings {
        let base = &self.inner.base;
        NaverSettings {
            base_url: base.clone(),
            api_url: base.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: None,
        }
    }

    /// Its routes.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/authorize", get(ask).post(authorize))
            .route("/token", post(exchange))
            .route("/oauth2.0/authorize", get(ask).post(authorize))
            .route("/oauth2.0/token", post(exchange))
            .route("/v1/nid/me", get(profile))
            .with_state(self.clone());
        Router::new().nest(PATH, routes)
    }

    fn keep(&self, grant: Grant) -> String {
        let mut grants = self.inner.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.retain(|_, grant| grant.until > Instant::now());
        let name = random();
        if grants.len() < MOST {
            grants.insert(name.clone(), grant);
        }
        name
    }

    /// What a code or a token stands for, once.
    fn take(&self, name: &str) -> Option<Grant> {
        let mut grants = self.inner.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.remove(name).filter(|grant| grant.until > Instant::now())
    }

    fn id_token(&self, grant: &Grant) -> Option<String> {
        let now = Clock::system().now().as_micros().div_euclid(1_000_000);
        let issuer = self.inner.base.as_str();
        let claims = json!({
            "iss": issuer,
            "aud": CLIENT,
            "sub": grant.account,
            "nonce": grant.nonce,
            "iat": now,
            "exp": now + 300,
        });
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.inner.key).ok()
    }
}

async fn configuration(State(identity): State<DevelopmentIdentity>) -> Json<Value> {
    let base = &identity.inner.base;
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys(State(identity): State<DevelopmentIdentity>) -> Json<Value> {
    let key = json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": KEY_ID,
        "x": identity.inner.public,
    });
    Json(json!({ "keys": [key] }))
}

/// The page. The form posts to its own address, whose query holds what the client sent.
async fn ask(Query(request): Query<Authorize>) -> Response {
    let page = match check(&request) {
        Ok(()) => Html(include_str!("development.html")).into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
    };
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

#[derive(Deserialize)]
struct Who {
    account: String,
    decision: Option<String>,
}

async fn authorize(
    State(identity): State<DevelopmentIdentity>,
    Query(request): Query<Authorize>,
    Form(Who { account, decision }): Form<Who>,
) -> Response {
    if let Err(reason) = check(&request) {
        return (StatusCode::BAD_REQUEST, reason).into_response();
    }
    let mut url = request.redirect_uri.clone();
    if decision.as_deref() == Some("deny") {
        url.query_pairs_mut().append_pair("error", "access_denied");
    } else {
        // Providers' ids say nothing about people.
        let account = sha256_hex(account.trim());
        let code = identity.keep(Grant {
            account: format!("development-{}", &account[..16]),
            nonce: request.nonce,
            challenge: request.code_challenge,
            redirect_uri: request.redirect_uri.to_string(),
            until: Instant::now() + LIFETIME,
        });
        url.query_pairs_mut().append_pair("code", &code);
    }
    url.query_pairs_mut().append_pair("state", &request.state);
    (StatusCode::SEE_OTHER, [(LOCATION, url.to_string())]).into_response()
}

fn check(request: &Authorize) -> Result<(), &'static str> {
    if request.client_id != CLIENT {
        return Err("this client is not known");
    }
    let is_ours =
        is_local(&request.redirect_uri) && request.redirect_uri.path().starts_with("/v1/auth/callback/");
    if is_ours { Ok(()) } else { Err("a browser may not be sent there") }
}

async fn exchange(State(identity): State<DevelopmentIdentity>, Form(request): Form<Exchange>) -> Response {
    let refused = || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    let Some(grant) = identity.take(&request.code) else { return refused() };
    let verifier = PkceCodeVerifier::new(request.code_verifier);
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    let is_same = grant.redirect_uri == request.redirect_uri && grant.challenge == challenge.as_str();
    if !is_same || request.client_id != CLIENT {
        return refused();
    }
    let id_token = identity.id_token(&grant);
    let access_token = identity.keep(grant);
    Json(json!({
        "access_token": access_token,
        "token_type": "bearer",
        "id_token": id_token,
        "expires_in": LIFETIME.as_secs(),
    }))
    .into_response()
}

async fn profile(State(identity): State<DevelopmentIdentity>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match token.and_then(|token| identity.take(token)) {
        Some(grant) => {
            let response = json!({ "id": grant.account });
            Json(json!({ "resultcode": "00", "message": "success", "response": response })).into_response()
        }
        None => {
            let body = json!({ "resultcode": "024", "message": "Authentication failed" });
            (StatusCode::UNAUTHORIZED, Json(body)).into_response()
        }
    }
}
