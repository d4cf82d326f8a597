//! What holds the two halves of a sign-in together: the `state`, which goes through the provider, and the ticket, which
//! stays in the browser as a cookie. Each is signed; one is worth nothing without the other.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::config::Secret;
use shared::hash::sha256_hex;
use shared::id;
use shared::time::Clock;

use super::provider::Provider;
use crate::session::read_cookie;

/// How long a sign-in may take.
pub const LIFETIME: Duration = Duration::from_secs(600);
const STATE: &str = "sign-in-state";
const TICKET: &str = "sign-in-ticket";

/// What a browser keeps of a sign-in that it has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Names the sign-in, in the state too.
    pub jti: String,
    provider: String,
    /// Where the browser goes at the end.
    pub redirect_url: String,
    /// The guest who began it.
    pub guest: Option<String>,
    /// For the ID token.
    pub nonce: String,
    /// For the token endpoint (RFC 7636, section 4.1).
    pub pkce_verifier: String,
}

impl Ticket {
    /// A new one.
    pub fn new(provider: Provider, redirect_url: String, guest: Option<String>) -> Self {
        Self {
            jti: id::new_id(),
            provider: provider.name().to_owned(),
            redirect_url,
            guest,
            nonce: random(),
            pkce_verifier: random(),
        }
    }

    /// The name of its cookie: one a sign-in, so that two tabs do not disturb each other.
    pub fn cookie_name(&self) -> String {
        cookie_name(&self.jti)
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    jti: String,
}

#[derive(Serialize, Deserialize)]
struct Signed<T> {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    content: T,
}

/// Signs states and tickets (JWT, RFC 7519, HS256, with a key that signs nothing else).
pub struct Tickets {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Tickets {
    /// With a key derived from the gateway's.
    pub fn new(session_key: &Secret) -> Self {
        let key = sha256_hex(&format!("sign-in\u{1f}{}", session_key.expose()));
        Self {
            encoding: EncodingKey::from_secret(key.as_bytes()),
            decoding: DecodingKey::from_secret(key.as_bytes()),
        }
    }

    /// The state and the cookie's value of a sign-in.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn issue(&self, ticket: &Ticket) -> Result<(String, String), jsonwebtoken::errors::Error> {
        let state = State { jti: ticket.jti.clone() };
        Ok((self.sign(STATE, state)?, self.sign(TICKET, ticket.clone())?))
    }

    /// The ticket that this browser holds for a state.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn redeem(
        &self,
        provider: Provider,
        state: &str,
        headers: &HeaderMap,
    ) -> Result<Ticket, &'static str> {
        let rule = "must be one that this gateway gave out in the last ten minutes";
        let State { jti } = self.verify(STATE, state).ok_or(rule)?;
        let rule = "must come from the browser in which the sign-in began";
        let kept = read_cookie(headers, &cookie_name(&jti)).ok_or(rule)?;
        let ticket: Ticket = self.verify(TICKET, kept).ok_or(rule)?;
        if ticket.jti != jti {
            return Err(rule);
        }
        if ticket.provider == provider.name() { Ok(ticket) } else { Err("must be this provider's") }
    }

    fn sign<T: Serialize>(&self, aud: &str, content: T) -> Result<String, jsonwebtoken::errors::Error> {
        let exp = Clock::system().now().plus(LIFETIME).as_micros().div_euclid(1_000_000);
        let claims = Signed { aud: aud.to_owned(), exp, content };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    fn verify<T: DeserializeOwned>(&self, aud: &str, token: &str) -> Option<T> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_audience(&[aud]);
        let verified = jsonwebtoken::decode::<Signed<T>>(token, &self.decoding, &validation);
        verified.ok().map(|token| token.claims.content)
    }
}

fn cookie_name(jti: &str) -> String {
    format!("signIn_{jti}")
}

/// 256 random bits.
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;
    use shared::testkit::Corpus;

    use super::*;

    fn tickets() -> Tickets {
        Tickets::new(&Secret::new("a key of thirty-two bytes at least"))
    }

    fn browser(ticket: &Ticket, value: &str) -> HeaderMap {
        let cookie = format!("{}={value}", ticket.cookie_name());
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(cookie).unwrap())])
    }

    fn ticket() -> Ticket {
        Ticket::new(Provider::Kakao, "https://app.example/".to_owned(), Some("guest".to_owned()))
    }

    #[test]
    fn a_browser_redeems_the_state_that_it_was_given() {
        let (tickets, ticket) = (tickets(), ticket());
        let (state, kept) = tickets.issue(&ticket).unwrap();
        assert_eq!(tickets.redeem(Provider::Kakao, &state, &browser(&ticket, &kept)), Ok(ticket));
    }

    #[test]
    fn a_state_is_worth_nothing_elsewhere() {
        let (tickets, ticket, other) = (tickets(), ticket(), ticket());
        let (state, kept) = tickets.issue(&ticket).unwrap();
        let (other_state, other_kept) = tickets.issue(&other).unwrap();
        let refused = |state: &str, headers: HeaderMap| {
            assert!(tickets.redeem(Provider::Kakao, state, &headers).is_err());
        };
        refused(&state, HeaderMap::new());
        // Another sign-in's ticket, under its own name and under this one's.
        refused(&state, browser(&other, &other_kept));
        refused(&state, browser(&ticket, &other_kept));
        refused(&other_state, browser(&ticket, &kept));
        // A ticket is no state, and a state no ticket.
        refused(&kept, browser(&ticket, &kept));
        refused(&state, browser(&ticket, &state));
        let forger = Tickets::new(&Secret::new("another key of thirty-two bytes or so"));
        refused(&forger.issue(&ticket).unwrap().0, browser(&ticket, &kept));
        refused(&state, browser(&ticket, &forger.issue(&ticket).unwrap().1));
        let naver = tickets.redeem(Provider::Naver, &state, &browser(&ticket, &kept));
        assert_eq!(naver, Err("must be this provider's"));
    }

    #[test]
    fn nothing_that_was_changed_is_redeemed() {
        let (tickets, ticket) = (tickets(), ticket());
        let (state, kept) = tickets.issue(&ticket).unwrap();
        Corpus::new([state.clone(), kept.clone()]).check_text(file!(), |text| {
            let redeemed = tickets.redeem(Provider::Kakao, text, &browser(&ticket, &kept));
            assert_eq!(redeemed.is_ok(), text == state, "{text}");
            let cookie = format!("{}={text}", ticket.cookie_name());
            let Ok(cookie) = HeaderValue::try_from(cookie) else { return };
            let redeemed = tickets.redeem(Provider::Kakao, &state, &HeaderMap::from_iter([(COOKIE, cookie)]));
            // Beside it in the header there may be what is no part of it.
            assert!(redeemed.is_err() || text.contains(&kept), "{text}");
        });
    }

    #[test]
    fn an_old_state_is_refused() {
        let (tickets, ticket) = (tickets(), ticket());
        let (_, kept) = tickets.issue(&ticket).unwrap();
        let old = Signed {
            aud: STATE.to_owned(),
            exp: Clock::system().now().as_micros() / 1_000_000 - 2,
            content: State { jti: ticket.jti.clone() },
        };
        let old = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &old, &tickets.encoding).unwrap();
        assert!(tickets.redeem(Provider::Kakao, &old, &browser(&ticket, &kept)).is_err());
    }
}
