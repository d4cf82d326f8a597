//! Sign-in with an account at an identity provider.
//!
//! A browser comes twice: to begin, and back from the provider. In between the gateway keeps nothing; [`ticket`] says
//! what the browser keeps. That a state is used once is seen to by a bucket that all gateways share.

mod development;
mod http;
mod naver;
mod openid;
mod provider;
mod redirects;
mod settings;
mod ticket;

use std::net::SocketAddr;
use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Store};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
pub use development::DevelopmentIdentity;
use http::Http;
use naver::Naver;
pub use naver::NaverSettings;
use openid::OpenIdProvider;
pub use openid::OpenIdSettings;
pub use provider::Provider;
use provider::{Attempt, IdentityProvider, ProviderError};
use redirects::Redirects;
pub use settings::SignInSettings;
use shared::config::Secret;
use shared::error::Error;
use shared::messaging::Nats;
use shared::messaging::permissions::SIGN_INS;
use ticket::{Ticket, Tickets};
use url::{Url, form_urlencoded};

use crate::buckets;
use crate::envelope::ApiError;
use crate::origins::{Origins, is_local};
use crate::session::SessionCookies;

/// How long a request waits for the broker.
const LIMIT: Duration = Duration::from_secs(3);

/// Signs people in.
pub struct SignIn {
    kakao: Option<Box<dyn IdentityProvider>>,
    naver: Option<Box<dyn IdentityProvider>>,
    tickets: Tickets,
    redirects: Redirects,
    finished: Store,
    public_url: Option<Url>,
    admin_accounts: Vec<(Provider, String)>,
    is_development: bool,
    /// What plays the providers in development.
    pub development: Option<DevelopmentIdentity>,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub provider_url: Url,
    /// What it takes along.
    pub cookie: String,
}

/// A sign-in that has come back from the provider.
pub struct Returned {
    /// Where the browser goes at the end.
    pub redirect_url: Url,
    /// Takes the cookie of the sign-in away.
    pub cookie: String,
    /// Who it is, or why that is not known.
    pub outcome: Outcome,
}

/// How a sign-in ended at the provider.
pub enum Outcome {
    /// With an account.
    Account {
        /// The provider's id of it.
        id: String,
        /// Whether its owner is an admin by configuration.
        is_admin: bool,
        /// The guest who began.
        guest: Option<String>,
    },
    /// Without one: the error that the provider told the browser, such as `access_denied`.
    Refused(String),
}

/// What the provider sends the browser back with (RFC 6749, sections 4.1.2 and 4.1.2.1).
pub struct Callback {
    pub state: String,
    pub code: Result<String, String>,
}

impl SignIn {
    /// Sets the providers up and opens the bucket. `address` is where this gateway listens.
    ///
    /// # Errors
    /// When the broker does not answer, or this system trusts no authorities.
    pub async fn open(
        nats: &Nats,
        settings: SignInSettings,
        replicas: usize,
        session_key: &Secret,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let description = "sign-ins that came back, none of which may come back again";
        // Longer than a state is good for.
        let finished = buckets::open(nats, SIGN_INS, description, ticket::LIFETIME * 2, replicas);
        let finished = finished.await.map_err(Error::Unavailable)?;
        let SignInSettings { kakao, naver, .. } = &settings;
        let is_played = settings.development && (kakao.is_none() || naver.is_none());
        let development = is_played.then(|| DevelopmentIdentity::new(address)).transpose()?;
        let kakao = kakao.clone().or_else(|| development.as_ref().map(DevelopmentIdentity::as_kakao));
        let naver = naver.clone().or_else(|| development.as_ref().map(DevelopmentIdentity::as_naver));
        let http = |url: &Url| {
            Http::new(url.scheme() == "https", settings.provider_timeout).map_err(Error::internal)
        };
        let kakao = kakao.map(|settings| {
            let http = http(&settings.issuer)?;
            Ok::<Box<dyn IdentityProvider>, Error>(Box::new(OpenIdProvider::new(settings, http)))
        });
        let naver = naver.map(|settings| {
            let http = http(&settings.base_url)?;
            Ok::<Box<dyn IdentityProvider>, Error>(Box::new(Naver::new(settings, http)))
        });
        Ok(Self {
            kakao: kakao.transpose()?,
            naver: naver.transpose()?,
            tickets: Tickets::new(session_key),
            redirects: Redirects(Origins::new(&settings.redirect_origins, settings.development)),
            finished,
            public_url: settings.public_url,
            admin_accounts: settings.admin_accounts,
            is_development: settings.development,
            development,
        })
    }

    /// The address of a page that a browser may be sent to.
    ///
    /// # Errors
    /// 400 with the name of the field when it is none.
    pub fn check_redirect(&self, field: &str, url: &str) -> Result<Url, ApiError> {
        let rule = || format!("{field}: must be an address of a page that is registered for sign-in");
        self.redirects.allow(url).ok_or_else(|| ApiError::invalid(vec![rule()]))
    }

    /// Sends a browser to the provider, on behalf of `guest` if it has a session.
    ///
    /// # Errors
    /// 400 when a browser may not be sent to `redirect_url`, 404 when the provider is not offered, 500 when it fails.
    pub async fn begin(
        &self,
        provider: Provider,
        redirect_url: &str,
        guest: Option<String>,
        headers: &HeaderMap,
    ) -> Result<Begun, ApiError> {
        let redirect_url = self.check_redirect("redirect-url", redirect_url)?;
        let ticket = Ticket::new(provider, redirect_url.to_string(), guest);
        let (state, kept) = self.tickets.issue(&ticket).map_err(|error| ApiError::internal(&error))?;
        let attempt = self.attempt(provider, &ticket, state, headers)?;
        let provider_url = self.provider(provider)?.authorize_url(&attempt).await;
        let provider_url = provider_url.map_err(|error| failed(provider, &error))?;
        let cookie = ticket_cookie(&ticket, &kept, ticket::LIFETIME, headers);
        Ok(Begun { provider_url, cookie })
    }

    /// Finds out who came back. Each state is taken once, and from the browser in which the sign-in began.
    ///
    /// # Errors
    /// 400 when the state is not good, 500 when the provider fails, 503 when it cannot be seen whether the state was
    /// used before.
    pub async fn finish(
        &self,
        provider: Provider,
        Callback { state, code }: Callback,
        headers: &HeaderMap,
    ) -> Result<Returned, ApiError> {
        let asked = self.provider(provider)?;
        let bad_state = |rule: &str| ApiError::invalid(vec![format!("state: {rule}")]);
        let ticket = self.tickets.redeem(provider, &state, headers).map_err(bad_state)?;
        if !self.is_first(&ticket).await? {
            return Err(bad_state("was used before"));
        }
        // The list may have changed in the meantime.
        let redirect_url = self.redirects.allow(&ticket.redirect_url);
        let redirect_url = redirect_url.ok_or_else(|| bad_state("leads to a page that is not registered"))?;
        let cookie = ticket_cookie(&ticket, "", Duration::ZERO, headers);
        let outcome = match code {
            Err(error) => Outcome::Refused(error),
            Ok(code) => {
                let attempt = self.attempt(provider, &ticket, state, headers)?;
                let id = asked.account_id(&attempt, code).await.map_err(|error| failed(provider, &error))?;
                let is_admin =
                    self.admin_accounts.iter().any(|(admin, known)| *admin == provider && *known == id);
                Outcome::Account { id, is_admin, guest: ticket.guest }
            }
        };
        Ok(Returned { redirect_url, cookie, outcome })
    }

    /// The providers that are offered, each with the address at which signing in begins that ends on a page of this
    /// gateway itself; none when that page is not registered for sign-in.
    pub fn ways_to(&self, path: &str, headers: &HeaderMap) -> Vec<(Provider, String)> {
        let page = self.base(headers).and_then(|base| base.join(path).ok());
        let Some(page) = page.and_then(|page| self.redirects.allow(page.as_str())) else { return Vec::new() };
        let offered = [Provider::Kakao, Provider::Naver].into_iter();
        let offered = offered.filter(|provider| self.provider(*provider).is_ok());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("redirect-url", page.as_str())
            .finish();
        offered.map(|provider| (provider, format!("/v1/auth/login/{}?{query}", provider.name()))).collect()
    }

    /// Whether this is a developer's machine.
    pub fn is_development(&self) -> bool {
        self.is_development
    }

    fn provider(&self, provider: Provider) -> Result<&dyn IdentityProvider, ApiError> {
        let offered = match provider {
            Provider::Kakao => &self.kakao,
            Provider::Naver => &self.naver,
        };
        offered.as_deref().ok_or_else(|| {
            let message = "sign-in with this provider is not offered here";
            ApiError::new(StatusCode::NOT_FOUND, "HTTP_NOT_FOUND", message)
        })
    }

    fn attempt(
        &self,
        provider: Provider,
        ticket: &Ticket,
        state: String,
        headers: &HeaderMap,
    ) -> Result<Attempt, ApiError> {
        let mut redirect_uri = self.base(headers).ok_or_else(|| {
            ApiError::internal(&"sign-in needs PUBLIC_URL, because this is not a browser on the same machine")
        })?;
        redirect_uri.set_path(&format!("/v1/auth/callback/{}", provider.name()));
        let (nonce, pkce_verifier) = (ticket.nonce.clone(), ticket.pkce_verifier.clone());
        Ok(Attempt { state, nonce, pkce_verifier, redirect_uri })
    }

    /// Where the browser reaches this gateway. In development that is what it calls this machine, as cookies are kept
    /// by that name.
    fn base(&self, headers: &HeaderMap) -> Option<Url> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let host = headers.get(HOST)?.to_str().ok()?;
        let url = Url::parse(&format!("http://{host}")).ok()?;
        (self.is_development && is_local(&url)).then_some(url)
    }

    /// Whether nobody has come back with this ticket before.
    async fn is_first(&self, ticket: &Ticket) -> Result<bool, ApiError> {
        let unavailable = |cause: &dyn std::fmt::Display| {
            tracing::warn!(error = %cause, "it cannot be seen whether a state was used before");
            let message = "sign-in is not possible at the moment";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "E50301", message)
        };
        let create = Box::pin(self.finished.create(&ticket.jti, "".into()));
        match tokio::time::timeout(LIMIT, create).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if error.kind() == CreateErrorKind::AlreadyExists => Ok(false),
            Ok(Err(error)) => Err(unavailable(&error)),
            Err(_) => Err(unavailable(&"the broker is silent")),
        }
    }
}

fn failed(provider: Provider, error: &ProviderError) -> ApiError {
    tracing::error!(provider = provider.name(), %error, "an identity provider failed");
    let message = "the identity provider failed; try again later";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, provider.failure_code(), message)
}

/// Lax, so that it comes along when the provider sends the browser back, and with nothing that another site posts.
fn ticket_cookie(ticket: &Ticket, value: &str, age: Duration, headers: &HeaderMap) -> String {
    let secure = if SessionCookies::for_host(headers).is_secure() { "; Secure" } else { "" };
    let (name, age) = (ticket.cookie_name(), age.as_secs());
    format!("{name}={value}; Path=/v1/auth; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}
