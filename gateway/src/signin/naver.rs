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
use super::provider::{Attempt, IdentityProvider, ProviderError, plain};

/// The steps, as errors name them.
const TOKENS: &str = "token endpoint";
const PROFILE: &str = "profile";

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

impl Tokens {
    fn access_token(self) -> Result<String, ProviderError> {
        let refused = || ProviderError::at(TOKENS, &self.error.as_deref().map_or("there is no token", plain));
        self.access_token.ok_or_else(refused)
    }
}

impl Profile {
    fn account(self) -> Result<String, ProviderError> {
        match self.response {
            Some(account) if self.resultcode == "00" && !account.id.is_empty() => Ok(account.id),
            Some(_) if self.resultcode == "00" => Err(ProviderError::at(PROFILE, &"the id is empty")),
            _ => Err(ProviderError::at(PROFILE, &format!("the result is {}", plain(&self.resultcode)))),
        }
    }
}

/// Reads an answer. The cause of an error would quote it, and it may hold a token.
fn read<T: DeserializeOwned>(step: &str, answer: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(answer).map_err(|_| ProviderError::at(step, &"its answer cannot be read"))
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
        read(step, answer.body())
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
        let form = self.form(attempt, code);
        let request = Request::post(under(&self.settings.base_url, "oauth2.0/token").as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(|error| ProviderError::at(TOKENS, &error))?;
        self.ask::<Tokens>(TOKENS, request).await?.access_token()
    }

    async fn profile(&self, access_token: &str) -> Result<String, ProviderError> {
        let request = Request::get(under(&self.settings.api_url, "v1/nid/me").as_str())
            .header(AUTHORIZATION, format!("Bearer {access_token}"))
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| ProviderError::at(PROFILE, &error))?;
        self.ask::<Profile>(PROFILE, request).await?.account()
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

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn an_answer_names_a_token_or_is_refused_without_being_quoted() {
        Corpus::new([
            r#"{"access_token":"AAAAQosjWDJi","refresh_token":"c8ceMEJis","token_type":"bearer","expires_in":"3600"}"#,
            r#"{"error":"invalid_request","error_description":"no valid data in session"}"#,
            r#"{"error":"Bearer AAAAQosjWDJi"}"#,
        ])
        .check(file!(), |answer| match read::<Tokens>(TOKENS, answer).and_then(Tokens::access_token) {
            Ok(token) => assert!(String::from_utf8_lossy(answer).contains("access_token"), "{token}"),
            Err(error) => assert_short(&error),
        });
    }

    #[test]
    fn what_is_no_code_of_an_error_is_not_quoted() {
        let answer = br#"{"error":"Bearer AAAAQosjWDJi"}"#;
        let error = read::<Tokens>(TOKENS, answer).and_then(Tokens::access_token).unwrap_err();
        assert_eq!(error.to_string(), "token endpoint: of no known kind");
    }

    #[test]
    fn a_profile_names_an_account_or_is_refused_without_being_quoted() {
        Corpus::new([
            r#"{"resultcode":"00","message":"success","response":{"id":"32742776","nickname":"OpenAPI"}}"#,
            r#"{"resultcode":"00","message":"success","response":{"id":""}}"#,
            r#"{"resultcode":"024","message":"Authentication failed (인증에 실패했습니다.)"}"#,
        ])
        .check(file!(), |answer| {
            match read::<Profile>(PROFILE, answer).and_then(Profile::account) {
                Ok(account) => assert!(!account.is_empty()),
                Err(error) => assert_short(&error),
            }
        });
    }

    /// A step and a plain code or a sentence of ours.
    fn assert_short(error: &ProviderError) {
        let text = error.to_string();
        assert!(text.len() <= 80 && text.bytes().all(|byte| (b' '..=b'z').contains(&byte)), "{text}");
    }
}
