//! The mesh token: a service trusts a caller only by a short-lived token that the gateway has signed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::keys::{SigningKey, VerifyingKey};
use crate::time::{Clock, SKEW, Timestamp};
use crate::token_cache::TokenCache;

/// The metadata key that carries the mesh token.
pub const MESH_TOKEN: &str = "x-mesh-token";

/// How long a mesh token is good for.
const LIFETIME: Duration = Duration::from_secs(90);
/// How long it is used for further calls of the same caller: what is left is enough for the longest call with its retries.
const REUSE: Duration = Duration::from_secs(30);
/// For how many seconds more a service takes it, whose clock may be ahead of the gateway's.
const LEEWAY: u64 = SKEW.as_secs();
const ISSUER: &str = "gateway";

/// On whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "role", content = "id", rename_all = "snake_case")]
pub enum Caller {
    /// The gateway itself, before it knows a user: sign-in and refresh.
    Gateway,
    /// A user.
    User(String),
    /// A user with admin authority.
    Admin(String),
}

impl Caller {
    /// The user who calls.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when no user does.
    pub fn user_id(&self) -> Result<&str, Error> {
        match self {
            Self::User(id) | Self::Admin(id) => Ok(id),
            Self::Gateway => Err(Error::forbidden("this call needs a user")),
        }
    }

    /// Whether the caller has admin authority.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Admin(_))
    }

    /// Lets admins pass.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] for everybody else.
    pub fn require_admin(&self) -> Result<(), Error> {
        if self.is_admin() { Ok(()) } else { Err(Error::forbidden("this call needs admin authority")) }
    }

    /// Lets the gateway itself and admins pass.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] for everybody else.
    pub fn require_gateway(&self) -> Result<(), Error> {
        match self {
            Self::Gateway | Self::Admin(_) => Ok(()),
            Self::User(_) => Err(Error::forbidden("this call is the gateway's own")),
        }
    }

    /// Lets pass whoever may see and change what belongs to `owner`: the owner, admins and the gateway itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everybody else, so that nobody learns which ids exist.
    pub fn require_owner(&self, owner: &str, what: &'static str) -> Result<(), Error> {
        match self {
            Self::User(id) if id != owner => Err(Error::NotFound(what)),
            _ => Ok(()),
        }
    }

    /// The caller of a request that passed the mesh token check.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the request never passed it.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, Error> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| unauthenticated("the mesh token is missing"))
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    caller: Caller,
    iss: String,
    aud: Vec<String>,
    iat: u64,
    exp: u64,
}

/// Signs mesh tokens (JWT, RFC 7519, EdDSA). Only the gateway has the key.
#[derive(Clone)]
pub struct MeshSigner {
    header: Header,
    key: EncodingKey,
    clock: Clock,
    signed: Arc<TokenCache<(Caller, String), String>>,
}

impl MeshSigner {
    /// With the gateway's key. The tokens of so many callers are used for more than one call.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(key: &SigningKey, remembered: usize) -> Result<Self, Error> {
        let header = Header { kid: Some(key.verifying().name()), ..Header::new(Algorithm::EdDSA) };
        let signed = Arc::new(TokenCache::new(remembered));
        Ok(Self { header, key: key.encoding()?, clock: Clock::system(), signed })
    }

    /// A token for a call to one service. It may have been used for another call of the same caller.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key cannot sign.
    pub fn token(&self, caller: Caller, service: &str) -> Result<String, Error> {
        let key = (caller, service.to_owned());
        self.signed.get_or(&key, || Ok((self.sign(key.0.clone(), &[service])?, self.clock.now().plus(REUSE))))
    }

    /// A new token for a call to one of these services.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key cannot sign.
    pub fn sign(&self, caller: Caller, services: &[&str]) -> Result<String, Error> {
        let now = self.clock.now();
        let seconds = |at: Timestamp| (at.as_micros() / 1_000_000).unsigned_abs();
        let claims = Claims {
            caller,
            iss: ISSUER.to_owned(),
            aud: services.iter().copied().map(str::to_owned).collect(),
            iat: seconds(now),
            exp: seconds(now.plus(LIFETIME)),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(Error::internal)
    }
}

/// Verifies mesh tokens for one service, by public keys: a service cannot speak for anybody, and a token for one service
/// is worth nothing at another.
#[derive(Clone)]
pub struct MeshVerifier {
    keys: Arc<HashMap<String, DecodingKey>>,
    validation: Arc<Validation>,
    verified: Arc<TokenCache<String, Caller>>,
}

impl MeshVerifier {
    /// With the keys that the gateway may sign with: more than one while they change. So many tokens that were found
    /// good are not verified again when they come back.
    ///
    /// # Errors
    /// When one is none.
    pub fn new(service: &str, keys: &[VerifyingKey], remembered: usize) -> Result<Self, Error> {
        let keys = keys.iter().map(|key| Ok((key.name(), key.decoding()?))).collect::<Result<_, Error>>()?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[service]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = LEEWAY;
        let verified = Arc::new(TokenCache::new(remembered));
        Ok(Self { keys: Arc::new(keys), validation: Arc::new(validation), verified })
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is not the gateway's, not for this service, or has expired.
    pub fn verify(&self, token: &str) -> Result<Caller, Error> {
        self.verified.get_or(token, || {
            let name = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
            let key = name.and_then(|name| self.keys.get(&name));
            let verified =
                key.and_then(|key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok());
            let claims = verified.ok_or_else(|| unauthenticated("the mesh token is not valid"))?.claims;
            let until = i64::try_from(claims.exp.saturating_add(LEEWAY)).unwrap_or(i64::MAX);
            Ok((claims.caller, Timestamp::from_micros(until.saturating_mul(1_000_000))))
        })
    }
}

fn unauthenticated(message: &str) -> Error {
    Error::Unauthenticated { reason: "MESH_TOKEN_INVALID", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::testkit::Corpus;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn signer(seed: u8) -> MeshSigner {
        MeshSigner::new(&key(seed), 10).unwrap()
    }

    fn verifier(seeds: &[u8]) -> MeshVerifier {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed).verifying()).collect();
        MeshVerifier::new("user-svc", &keys, 10).unwrap()
    }

    fn user() -> Caller {
        Caller::User("u".into())
    }

    /// Claims that are good, but for these.
    fn claims(but: &Value) -> Value {
        let now = Clock::system().now().as_micros() / 1_000_000;
        let mut claims =
            json!({ "role": "gateway", "iss": ISSUER, "aud": ["user-svc"], "iat": now, "exp": now + 60 });
        for (name, value) in but.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    #[test]
    fn a_token_names_its_caller() {
        for caller in [Caller::Gateway, user(), Caller::Admin("a".into())] {
            let token = signer(1).sign(caller.clone(), &["user-svc"]).unwrap();
            assert_eq!(verifier(&[1]).verify(&token).unwrap(), caller);
        }
    }

    #[test]
    fn a_token_is_good_at_its_service_alone() {
        let token = signer(1).sign(user(), &["counseling-svc"]).unwrap();
        assert!(verifier(&[1]).verify(&token).is_err());
        assert!(verifier(&[1]).verify(&signer(1).sign(user(), &[]).unwrap()).is_err());
    }

    #[test]
    fn a_token_that_is_used_again_is_the_same_callers_for_the_same_service() {
        let signer = signer(1);
        let token = |caller, service| signer.token(caller, service).unwrap();
        let first = token(user(), "user-svc");
        assert_eq!(token(user(), "user-svc"), first);
        let verifier = verifier(&[1]);
        for _ in 0..2 {
            assert_eq!(verifier.verify(&first).unwrap(), user());
            let admin = token(Caller::Admin("u".into()), "user-svc");
            assert_eq!(verifier.verify(&admin).unwrap(), Caller::Admin("u".into()));
            assert!(verifier.verify(&token(user(), "counseling-svc")).is_err());
            assert!(verifier.verify(&format!("{first}x")).is_err());
        }
    }

    #[test]
    fn keys_change_one_after_the_other() {
        let (old, new) = (signer(1).sign(user(), &["user-svc"]), signer(2).sign(user(), &["user-svc"]));
        for token in [old.unwrap(), new.unwrap()] {
            assert!(verifier(&[1, 2]).verify(&token).is_ok());
            assert!(verifier(&[3]).verify(&token).is_err());
        }
    }

    #[test]
    fn a_token_that_was_changed_by_hand_is_refused() {
        let token = signer(1).sign(user(), &["user-svc"]).unwrap();
        let admin = signer(2).sign(Caller::Admin("u".into()), &["user-svc"]).unwrap();
        let (head, signature) = (admin.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);
        for forged in [&format!("{head}.{signature}"), "", ".", "..", "a.b.c", &format!("{token}x")] {
            assert!(verifier(&[1]).verify(forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn nothing_that_was_changed_is_taken_for_a_token() {
        let verifier = verifier(&[1]);
        let good = signer(1).sign(user(), &["user-svc"]).unwrap();
        let strangers = signer(2).sign(Caller::Admin("u".into()), &["user-svc"]).unwrap();
        let unsigned = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4iLCJzdWIiOiJ1In0.".to_owned();
        Corpus::new([good.clone(), strangers, unsigned]).check_text(file!(), |token| {
            assert_eq!(verifier.verify(token).ok(), (token == good).then(user), "{token}");
        });
    }

    #[test]
    fn only_good_claims_are_taken() {
        let sign = |claims: &Value| {
            let key = signer(1);
            jsonwebtoken::encode(&key.header, claims, &key.key).unwrap()
        };
        assert!(verifier(&[1]).verify(&sign(&claims(&json!({})))).is_ok());
        for but in [
            json!({ "exp": 1 }),
            json!({ "exp": null }),
            json!({ "aud": "counseling-svc" }),
            json!({ "aud": null }),
            json!({ "iss": "somebody" }),
            json!({ "iss": null }),
            json!({ "role": "owner" }),
            json!({ "role": "user" }),
            json!({ "role": null }),
        ] {
            assert!(verifier(&[1]).verify(&sign(&claims(&but))).is_err(), "{but}");
        }
    }

    #[test]
    fn no_algorithm_but_eddsa_is_taken() {
        let public = key(1).verifying();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for signature in ["", "AAAA"] {
            let header = json!({ "alg": "none", "kid": public.name() });
            let token = format!("{}.{}.{signature}", part(&header), part(&claims(&json!({}))));
            assert!(verifier(&[1]).verify(&token).is_err());
        }
        // The public key, which services have, taken for a secret.
        let (pem, x) = (public.to_pem().unwrap(), public.x());
        for secret in [pem.as_bytes(), x.as_bytes(), public.as_bytes()] {
            let header = Header { kid: Some(public.name()), ..Header::new(Algorithm::HS256) };
            let secret = EncodingKey::from_secret(secret);
            let token = jsonwebtoken::encode(&header, &claims(&json!({})), &secret).unwrap();
            assert!(verifier(&[1]).verify(&token).is_err());
        }
    }

    #[test]
    fn somebody_elses_is_not_found() {
        assert!(matches!(
            Caller::User("a".into()).require_owner("b", "counsel"),
            Err(Error::NotFound("counsel"))
        ));
        assert!(Caller::Admin("a".into()).require_owner("b", "counsel").is_ok());
        assert!(Caller::User("b".into()).require_owner("b", "counsel").is_ok());
    }
}
