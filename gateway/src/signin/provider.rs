//! What the gateway asks of an identity provider.

use futures::future::BoxFuture;
use shared::proto::v1;
use url::Url;

/// What happened when a provider was asked. The texts are for the log: they hold no token and nothing about people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProviderError(pub String);

impl ProviderError {
    /// A step failed for a reason.
    pub fn at(step: &str, cause: &dyn std::fmt::Display) -> Self {
        Self(format!("{step}: {cause}"))
    }
}

/// A code of an error as a provider told it (RFC 6749, section 5.2). Anything else is not repeated: nobody knows what is in it.
pub fn plain(code: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=40).contains(&code.len()) && code.bytes().all(is_plain) { code } else { "of no known kind" }
}

/// What ties the two halves of one sign-in together at the provider.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Comes back with the browser (RFC 6749, section 10.12).
    pub state: String,
    /// Comes back in the ID token (OpenID Connect Core 1.0, section 3.1.2.1).
    pub nonce: String,
    /// Shows that who asks for the token is who began (RFC 7636).
    pub pkce_verifier: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: Url,
}

/// An identity provider, as an OAuth 2.0 authorization server (RFC 6749, section 4.1).
pub trait IdentityProvider: Send + Sync {
    /// Where a browser signs in.
    fn authorize_url<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Url, ProviderError>>;

    /// The provider's id of the account that signed in.
    fn account_id<'a>(
        &'a self,
        attempt: &'a Attempt,
        code: String,
    ) -> BoxFuture<'a, Result<String, ProviderError>>;
}

/// The providers by their names in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Kakao,
    Naver,
}

impl Provider {
    /// The provider with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "kakao" => Some(Self::Kakao),
            "naver" => Some(Self::Naver),
            _ => None,
        }
    }

    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Naver => "naver",
        }
    }

    /// Its name in the protocol.
    pub fn channel(self) -> v1::AuthChannel {
        match self {
            Self::Kakao => v1::AuthChannel::Kakao,
            Self::Naver => v1::AuthChannel::Naver,
        }
    }

    /// The code of the contract for its failures.
    pub fn failure_code(self) -> &'static str {
        match self {
            Self::Kakao => "KAKAO_PROCESSING_ERROR",
            Self::Naver => "NAVER_PROCESSING_ERROR",
        }
    }
}
