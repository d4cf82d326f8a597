//! The mesh token: a service trusts a caller only by a short-lived token that the gateway has signed.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::Secret;
use crate::time::Clock;

/// The metadata key that carries the mesh token.
pub const MESH_TOKEN: &str = "x-mesh-token";

/// How long a mesh token is good for: one call with its retries.
const LIFETIME: Duration = Duration::from_secs(60);
const ISSUER: &str = "gateway";
const AUDIENCE: &str = "mesh";

/// On whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    caller: Caller,
    iss: String,
    aud: String,
    exp: u64,
}

/// Signs and verifies mesh tokens (JWT, RFC 7519, HS256).
#[derive(Clone)]
pub struct MeshTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Clock,
}

impl MeshTokens {
    /// With the key that the gateway and the services share.
    pub fn new(key: &Secret) -> Self {
        let key = key.expose().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            clock: Clock::system(),
        }
    }

    /// A token for one call.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key cannot sign.
    pub fn sign(&self, caller: Caller) -> Result<String, Error> {
        let expires = self.clock.now().plus(LIFETIME).as_micros() / 1_000_000;
        let claims =
            Claims { caller, iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), exp: expires.unsigned_abs() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(Error::internal)
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is not the gateway's or has expired.
    pub fn verify(&self, token: &str) -> Result<Caller, Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.leeway = 5;
        jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map(|token| token.claims.caller)
            .map_err(|_| unauthenticated("the mesh token is not valid"))
    }
}

fn unauthenticated(message: &str) -> Error {
    Error::Unauthenticated { reason: "MESH_TOKEN_INVALID", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: &str) -> MeshTokens {
        MeshTokens::new(&Secret::new(key))
    }

    #[test]
    fn a_token_names_its_caller() {
        let tokens = tokens("one key of enough length, really");
        for caller in [Caller::Gateway, Caller::User("u".into()), Caller::Admin("a".into())] {
            assert_eq!(tokens.verify(&tokens.sign(caller.clone()).unwrap()).unwrap(), caller);
        }
    }

    #[test]
    fn a_token_of_another_key_or_changed_by_hand_is_refused() {
        let token = tokens("one key").sign(Caller::User("u".into())).unwrap();
        assert!(tokens("another key").verify(&token).is_err());
        let admin = tokens("another key").sign(Caller::Admin("u".into())).unwrap();
        let (head, signature) = (admin.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);
        assert!(tokens("one key").verify(&format!("{head}.{signature}")).is_err());
    }

    #[test]
    fn an_expired_token_is_refused() {
        let tokens = tokens("one key");
        let past = tokens.clock.now().minus(Duration::from_secs(120)).as_micros() / 1_000_000;
        let claims = Claims {
            caller: Caller::Gateway,
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            exp: past.unsigned_abs(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens.encoding).unwrap();
        assert!(tokens.verify(&token).is_err());
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
