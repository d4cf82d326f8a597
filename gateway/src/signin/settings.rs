//! The configuration of sign-in.

use std::time::Duration;

use shared::config::Source;
use url::Url;

use super::naver::NaverSettings;
use super::openid::OpenIdSettings;
use super::provider::Provider;

/// How people sign in.
#[derive(Clone, Debug)]
pub struct SignInSettings {
    /// `PUBLIC_URL`: where browsers reach this gateway.
    pub public_url: Option<Url>,
    /// `REDIRECT_ORIGINS`: origins of the pages to which a sign-in may lead; those of `CORS_ORIGINS` when absent.
    pub redirect_origins: Vec<String>,
    /// `KAKAO_CLIENT_ID`, `KAKAO_CLIENT_SECRET`, `KAKAO_ISSUER`.
    pub kakao: Option<OpenIdSettings>,
    /// `NAVER_CLIENT_ID`, `NAVER_CLIENT_SECRET`, `NAVER_BASE_URL`, `NAVER_API_URL`.
    pub naver: Option<NaverSettings>,
    /// `ADMIN_ACCOUNTS`: accounts that get admin authority when they sign in, such as `kakao:12345`.
    pub admin_accounts: Vec<(Provider, String)>,
    /// `PROVIDER_TIMEOUT` (seconds): how long a provider may take to answer one request.
    pub provider_timeout: Duration,
    /// `DEVELOPMENT`: a provider that is not configured is played by this gateway.
    pub development: bool,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            redirect_origins: Vec::new(),
            kakao: None,
            naver: None,
            admin_accounts: Vec::new(),
            provider_timeout: Duration::from_secs(10),
            development: false,
        }
    }
}

impl SignInSettings {
    /// Reads the settings.
    pub fn read(source: &mut Source, cors_origins: &[String], development: bool) -> Option<Self> {
        let public_url = source.optional::<Url>("public.url");
        let mut redirect_origins = source.list("redirect.origins");
        if redirect_origins.is_empty() {
            redirect_origins = cors_origins.to_vec();
        }
        let kakao_secret = source.optional_secret("kakao.client.secret", 1);
        let issuer = source.or("kakao.issuer", address("https://kauth.kakao.com")?);
        let kakao = source.optional::<String>("kakao.client.id");
        let kakao = kakao.map(|client_id| OpenIdSettings { issuer, client_id, client_secret: kakao_secret });
        let naver_secret = source.optional_secret("naver.client.secret", 1);
        let base_url = source.or("naver.base.url", address("https://nid.naver.com")?);
        let api_url = source.or("naver.api.url", address("https://openapi.naver.com")?);
        let naver = source.optional::<String>("naver.client.id");
        let naver = naver.map(|client_id| NaverSettings {
            base_url,
            api_url,
            client_id,
            client_secret: naver_secret,
        });
        if public_url.is_none() && (kakao.is_some() || naver.is_some()) {
            source.refuse("public.url", "is needed for sign-in, e.g. PUBLIC_URL=https://api.example");
        }
        let mut admin_accounts = Vec::new();
        for account in source.list("admin.accounts") {
            let parsed = account.split_once(':').and_then(|(name, id)| Some((Provider::named(name)?, id)));
            match parsed {
                Some((provider, id)) if !id.is_empty() => admin_accounts.push((provider, id.to_owned())),
                _ => source.refuse("admin.accounts", "must list accounts such as kakao:12345"),
            }
        }
        let provider_timeout = source.seconds("provider.timeout", Self::default().provider_timeout);
        Some(Self {
            public_url,
            redirect_origins,
            kakao,
            naver,
            admin_accounts,
            provider_timeout,
            development,
        })
    }
}

fn address(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}
