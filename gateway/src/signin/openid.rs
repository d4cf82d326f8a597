//! Kakao, by OpenID Connect: discovery, the authorization code with PKCE, and an ID token with a nonce.
//!
//! Source: Kakao Developers, "Kakao Login, REST API" and "OpenID Connect".

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, TokenResponse,
};
use shared::config::Secret;
use tokio::sync::Mutex;
use url::Url;

use super::http::Http;
use super::provider::{Attempt, IdentityProvider, ProviderError, plain};

/// How long what discovery told is believed; unknown keys make it ask earlier.
const FRESH: Duration = Duration::from_secs(3600);

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// How this application is known to an OpenID provider.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// The provider's issuer; discovery begins here.
    pub issuer: Url,
    pub client_id: String,
    pub client_secret: Option<Secret>,
}

/// An OpenID provider.
pub struct OpenIdProvider {
    settings: OpenIdSettings,
    http: Http,
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

impl OpenIdProvider {
    pub fn new(settings: OpenIdSettings, http: Http) -> Self {
        Self { settings, http, known: Mutex::new(None) }
    }

    /// What the provider says of itself, with its keys.
    async fn metadata(&self, no_older_than: Duration) -> Result<CoreProviderMetadata, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((since, metadata)) = &*known
            && since.elapsed() < no_older_than
        {
            return Ok(metadata.clone());
        }
        let issuer = self.settings.issuer.as_str().trim_end_matches('/').to_owned();
        let issuer = IssuerUrl::new(issuer).map_err(|error| ProviderError::at("issuer", &error))?;
        let found = Box::pin(CoreProviderMetadata::discover_async(issuer, &self.http)).await;
        let found = found.map_err(|error| ProviderError::at("discovery", &error))?;
        *known = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    fn client(&self, metadata: CoreProviderMetadata, redirect_uri: &Url) -> Client {
        let OpenIdSettings { client_id, client_secret, .. } = &self.settings;
        let secret = client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        CoreClient::from_provider_metadata(metadata, ClientId::new(client_id.clone()), secret)
            // Kakao takes the secret in the body only.
            .set_auth_type(AuthType::RequestBody)
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()))
    }

    /// The subject of an ID token that this provider signed for this application and this attempt.
    fn subject(&self, client: &Client, token: &CoreIdToken, nonce: &Nonce) -> Result<String, Refusal> {
        // Never `none` and never a symmetric algorithm, whatever the token or discovery says.
        let algorithms = [CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EdDsa];
        let verifier = client.id_token_verifier().set_allowed_algs(algorithms);
        match token.claims(&verifier, nonce) {
            Ok(claims) => Ok(claims.subject().to_string()),
            Err(error @ ClaimsVerificationError::SignatureVerification(_)) => Err(Refusal::Signature(error)),
            Err(error) => Err(Refusal::Claims(error)),
        }
    }
}

/// Why an ID token is not believed.
enum Refusal {
    /// Perhaps the keys are new.
    Signature(ClaimsVerificationError),
    Claims(ClaimsVerificationError),
}

impl IdentityProvider for OpenIdProvider {
    fn authorize_url<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Url, ProviderError>> {
        async move {
            let client = self.client(self.metadata(FRESH).await?, &attempt.redirect_uri);
            let verifier = PkceCodeVerifier::new(attempt.pkce_verifier.clone());
            let (state, nonce) = (attempt.state.clone(), attempt.nonce.clone());
            let flow = CoreAuthenticationFlow::AuthorizationCode;
            let (url, ..) = client
                .authorize_url(flow, || CsrfToken::new(state), || Nonce::new(nonce))
                .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
                .url();
            Ok(url)
        }
        .boxed()
    }

    fn account_id<'a>(
        &'a self,
        attempt: &'a Attempt,
        code: String,
    ) -> BoxFuture<'a, Result<String, ProviderError>> {
        async move {
            let client = self.client(self.metadata(FRESH).await?, &attempt.redirect_uri);
            let exchange = client
                .exchange_code(AuthorizationCode::new(code))
                .map_err(|error| ProviderError::at("token endpoint", &error))?
                .set_pkce_verifier(PkceCodeVerifier::new(attempt.pkce_verifier.clone()));
            // What the provider answers may hold tokens: only the kind of failure is told.
            let tokens = Box::pin(exchange.request_async(&self.http)).await.map_err(|error| {
                let kind = match error {
                    openidconnect::RequestTokenError::ServerResponse(refusal) => {
                        plain(refusal.error().as_ref()).to_owned()
                    }
                    openidconnect::RequestTokenError::Request(cause) => cause.to_string(),
                    _ => "its answer cannot be read".to_owned(),
                };
                ProviderError::at("token endpoint", &kind)
            })?;
            let token = tokens.id_token();
            let token = token.ok_or_else(|| ProviderError("there is no ID token".to_owned()))?;
            let nonce = Nonce::new(attempt.nonce.clone());
            match self.subject(&client, token, &nonce) {
                Ok(subject) => Ok(subject),
                Err(Refusal::Claims(error)) => Err(ProviderError::at("ID token", &error)),
                Err(Refusal::Signature(_)) => {
                    let client = self.client(self.metadata(Duration::ZERO).await?, &attempt.redirect_uri);
                    self.subject(&client, token, &nonce).map_err(
                        |(Refusal::Signature(error) | Refusal::Claims(error))| {
                            ProviderError::at("ID token", &error)
                        },
                    )
                }
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use base64::Engine;
    use base64::alphabet::URL_SAFE;
    use base64::engine::GeneralPurpose;
    use base64::engine::general_purpose::NO_PAD;
    use jsonwebtoken::{Algorithm, Header};
    use openidconnect::core::CoreJsonWebKeySet;
    use serde_json::json;
    use shared::keys::SigningKey;
    use shared::testkit::Corpus;
    use shared::time::Clock;

    use super::*;

    const ISSUER: &str = "https://kauth.example.org";

    #[test]
    fn nothing_that_was_changed_is_taken_for_an_id_token() {
        let issuer = Url::parse(ISSUER).unwrap();
        let settings = OpenIdSettings { issuer, client_id: "us".to_owned(), client_secret: None };
        let provider = OpenIdProvider::new(settings, Http::new(true, Duration::from_secs(1)).unwrap());
        let key = SigningKey::from_seed(&[7; 32]);
        let redirect = Url::parse("https://api.example.org/v1/auth/callback/kakao").unwrap();
        let client = provider.client(metadata(&key), &redirect);

        let sign = |name: &str, value: &str| {
            let now = Clock::system().now().as_micros().div_euclid(1_000_000);
            let mut claims = json!({ "iss": ISSUER, "aud": "us", "sub": "42", "nonce": "n", "iat": now, "exp": now + 300 });
            claims[name] = value.into();
            let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::EdDSA) };
            jsonwebtoken::encode(&header, &claims, &key.encoding().unwrap()).unwrap()
        };
        let good = sign("sub", "42");
        let unsigned =
            "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2thdXRoLmV4YW1wbGUub3JnIiwic3ViIjoiNDIifQ.".to_owned();
        let others = [("aud", "others"), ("iss", "https://example.org"), ("nonce", "another")];
        let others = others.map(|(name, value)| sign(name, value));
        let (but_the_last, last) = good.split_at(good.len() - 1);
        let same = format!("{but_the_last}{}", char::from(last.as_bytes()[0] + 1));
        assert!(means_the_same(&same, &good), "{same}");
        Corpus::new([good.clone(), unsigned, same].into_iter().chain(others)).check_text(file!(), |text| {
            let token = CoreIdToken::from_str(text).ok();
            let nonce = Nonce::new("n".to_owned());
            let subject = token.and_then(|token| provider.subject(&client, &token, &nonce).ok());
            assert_eq!(subject.as_deref(), means_the_same(text, &good).then_some("42"), "{text}");
        });
    }

    /// Two texts of one token: the last character of a signature of 64 bytes holds four bits that openidconnect does not read.
    fn means_the_same(text: &str, token: &str) -> bool {
        let engine = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));
        let read = |text: &str| {
            let (signed, signature) = text.rsplit_once('.')?;
            Some((signed.to_owned(), engine.decode(signature).ok()?))
        };
        read(text) == read(token)
    }

    fn metadata(key: &SigningKey) -> CoreProviderMetadata {
        let told = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/authorize"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        });
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k", "x": key.verifying().x() });
        let keys: CoreJsonWebKeySet = serde_json::from_value(json!({ "keys": [key] })).unwrap();
        serde_json::from_value::<CoreProviderMetadata>(told).unwrap().set_jwks(keys)
    }
}
