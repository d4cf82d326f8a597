//! NAVER, by OAuth 2.0 and its profile API.
//!
//! Source: NAVER Developers, "NAVER Login, API reference".

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::config::Secret;
use url::Url;
use url::form_urlencoded::Serializer;

use super::http::Http;
use super::provider::{Attempt, IdentityProvider, ProviderError};

/// How this application is known to NAVER.
#[derive(Clone, Debug)]
pub struct NaverSettings {
    /// Where people sign in and codes become tokens: `https://nid.naver.com`.
    pub base_url: Url,
    /// Where profiles are read: `https://openapi.naver.com`.
    pub api_url: Url,
    pub client_id: String,
    pub client_secret: Option<Secret>,
}

/// NAVER. `expires_in` is a text there, which is why no OAuth library reads its tokens.
pub struct Naver {
    settings: NaverSettings,
    http: Http,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    /// Errors come with the status 200.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Profile {
    resultcode: String,
    response: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
}

impl Naver {
    pub fn new(settings: NaverSettings, http: Http) -> Self {
        Self { settings, http }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        step: &str,
        request: Request<Vec<u8>>,
    ) -> Result<T, ProviderError> {
        let answer: Response<Vec<u8>> = self.http.send(request).await?;
        if !answer.status().is_success() {
            return Err(ProviderError::at(step, &answer.status()));
        }
        // The cause would quote the answer, which may hold a token.
        serde_json::from_slice(answer.body())
            .map_err(|_| ProviderError::at(step, &"its answer cannot be read"))
    }

    fn form(&self, attempt: &Attempt, code: &str) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("code", code)
            .append_pair("state", &attempt.state)
            .append_pair("redirect_uri", attempt.redirect_uri.as_str())
            .append_pair("code_verifier", &attempt.pkce_verifier);
        if let Some(secret) = &self.settings.client_secret {
            form.append_pair("client_secret", secret.expose());
        }
        form.finish()
    }

    async fn exchange(&self, attempt: &Attempt, code: &str) -> Result<String, ProviderError> {
        let step = "token endpoint";
        let form = self.form(attempt, code);
        let request = Request::post(under(&self.settings.base_url, "oauth2.0/token").as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(|error| ProviderError::at(step, &error))?;
        let tokens: Tokens = self.ask(step, request).await?;
        let refused = || ProviderError::at(step, &tokens.error.as_deref().unwrap_or("there is no token"));
        tokens.access_token.clone().ok_or_else(refused)
    }

    async fn profile(&self, access_token: &str) -> Result<String, ProviderError> {
        let step = "profile";
        let request = Request::get(under(&self.settings.api_url, "v1/nid/me").as_str())
            .header(AUTHORIZATION, format!("Bearer {access_token}"))
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| ProviderError::at(step, &error))?;
        let profile: Profile = self.ask(step, request).await?;
        match profile.response {
            Some(account) if profile.resultcode == "00" => Ok(account.id),
            _ => Err(ProviderError::at(step, &format!("the result is {}", profile.resultcode))),
        }
    }
}

impl IdentityProvider for Naver {
    fn authorize_url<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Url, ProviderError>> {
        let verifier = PkceCodeVerifier::new(attempt.pkce_verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let mut url = under(&self.settings.base_url, "oauth2.0/authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", attempt.redirect_uri.as_str())
            .append_pair("state", &attempt.state)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        std::future::ready(Ok(url)).boxed()
    }

    fn account_id<'a>(
        &'a self,
        attempt: &'a Attempt,
        code: String,
    ) -> BoxFuture<'a, Result<String, ProviderError>> {
        async move {
            let access_token = self.exchange(attempt, &code).await?;
            self.profile(&access_token).await
        }
        .boxed()
    }
}

fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}
