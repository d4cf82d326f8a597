//! The keys of sessions: one signs, and all verify, so that keys change without signing anybody out.
//!
//! A token names its key (`kid`, RFC 7515, section 4.1.4), and a key has one algorithm, whatever a token's header says:
//! neither `none` nor a public key taken for a secret gets through.

use std::collections::HashMap;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::config::{Secret, Source};
use shared::hash::sha256_hex;
use shared::keys::{SigningKey, VerifyingKey};

/// The keys of sessions.
#[derive(Clone, Debug)]
pub struct SessionKeySettings {
    /// `SESSION_KEY`: signs with HS256, unless the next one is there.
    pub key: Secret,
    /// `SESSION_EDDSA_KEY`: a private key (PKCS #8, PEM) that signs with EdDSA. Services of others can then verify, by
    /// the keys of `/.well-known/jwks.json`.
    pub eddsa_key: Option<SigningKey>,
    /// `SESSION_OLD_KEYS`: keys that signed with HS256 earlier, separated by commas or lines.
    pub old_keys: Vec<Secret>,
    /// `SESSION_EDDSA_OLD_KEYS`: public keys (PEM, one after the other) of those that signed with EdDSA earlier.
    pub eddsa_old_keys: Vec<VerifyingKey>,
}

impl SessionKeySettings {
    /// Reads the settings.
    pub fn read(source: &mut Source) -> Option<Self> {
        let key = source.secret("session.key", 32);
        let pem = source.optional_secret("session.eddsa.key", 1);
        let eddsa_key = pem.as_ref().and_then(|pem| SigningKey::from_pem(pem).ok());
        if pem.is_some() && eddsa_key.is_none() {
            source.refuse("session.eddsa.key", "must be an Ed25519 key, PKCS #8 in PEM");
        }
        let old = source.optional_secret("session.old.keys", 32);
        let old = old.iter().flat_map(|keys| keys.expose().split([',', '\n']));
        let old_keys: Vec<_> = old.map(str::trim).filter(|key| !key.is_empty()).map(Secret::new).collect();
        let pem = source.optional_secret("session.eddsa.old.keys", 1);
        let eddsa_old_keys = pem.as_ref().map_or(Ok(Vec::new()), VerifyingKey::all_from_pem);
        if eddsa_old_keys.is_err() {
            source.refuse("session.eddsa.old.keys", "must be public Ed25519 keys in PEM");
        }
        let eddsa_old_keys = eddsa_old_keys.unwrap_or_default();
        Some(Self { key: key?, eddsa_key, old_keys, eddsa_old_keys })
    }

    /// One key for HS256.
    pub fn one(key: Secret) -> Self {
        Self { key, eddsa_key: None, old_keys: Vec::new(), eddsa_old_keys: Vec::new() }
    }
}

/// Signs and verifies.
pub struct SessionKeys {
    header: Header,
    signing: EncodingKey,
    verifying: HashMap<String, Verifying>,
    /// Those of tokens from before keys had names.
    nameless: Vec<Verifying>,
    jwks: Value,
}

#[derive(Clone)]
struct Verifying {
    key: DecodingKey,
    validation: Validation,
}

impl SessionKeys {
    /// # Errors
    /// When a key is none.
    pub fn new(settings: &SessionKeySettings) -> Result<Self, shared::Error> {
        let mut verifying = HashMap::new();
        let mut nameless = Vec::new();
        for secret in std::iter::once(&settings.key).chain(&settings.old_keys) {
            let secret = secret.expose();
            let key = Verifying::new(Algorithm::HS256, DecodingKey::from_secret(secret.as_bytes()));
            nameless.push(key.clone());
            verifying.insert(name_of_secret(secret), key);
        }
        let own = settings.eddsa_key.as_ref();
        let mut public = Vec::new();
        for key in own.map(SigningKey::verifying).iter().chain(&settings.eddsa_old_keys) {
            let (name, x) = (key.name(), key.x());
            public.push(json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": name, "x": x,
            }));
            verifying.insert(name, Verifying::new(Algorithm::EdDSA, key.decoding()?));
        }
        let (header, signing) = match own {
            Some(own) => (named(Header::new(Algorithm::EdDSA), own.verifying().name()), own.encoding()?),
            None => {
                let secret = settings.key.expose();
                let header = named(Header::new(Algorithm::HS256), name_of_secret(secret));
                (header, EncodingKey::from_secret(secret.as_bytes()))
            }
        };
        Ok(Self { header, signing, verifying, nameless, jwks: json!({ "keys": public }) })
    }

    /// A signed token.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Error> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }

    /// The claims of a token that one of these keys has signed and that has not expired.
    ///
    /// # Errors
    /// Why it is not good.
    pub fn verify<T: DeserializeOwned + Clone>(&self, token: &str) -> Result<T, Error> {
        match jsonwebtoken::decode_header(token)?.kid {
            Some(name) => {
                let key = self.verifying.get(&name).ok_or(ErrorKind::InvalidSignature)?;
                key.verify(token)
            }
            None => {
                let mut refusal = ErrorKind::InvalidSignature.into();
                for key in &self.nameless {
                    match key.verify(token) {
                        Ok(claims) => return Ok(claims),
                        Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                        Err(error) => refusal = error,
                    }
                }
                Err(refusal)
            }
        }
    }

    /// The public keys (JWK set, RFC 7517); none of those for HS256.
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }
}

impl Verifying {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        Self { key, validation }
    }

    fn verify<T: DeserializeOwned + Clone>(&self, token: &str) -> Result<T, Error> {
        Ok(jsonwebtoken::decode::<T>(token, &self.key, &self.validation)?.claims)
    }
}

fn named(header: Header, name: String) -> Header {
    Header { kid: Some(name), ..header }
}

/// A name that tells nothing of a key of 256 bits.
fn name_of_secret(secret: &str) -> String {
    sha256_hex(&format!("kid\u{1f}{secret}"))[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const FIRST: &str = "the first key of thirty-two bytes";
    const SECOND: &str = "the second key of thirty-two bytes";

    fn claims() -> Value {
        json!({ "id": "u", "exp": 4_000_000_000_i64 })
    }

    fn hs(key: &str, old: &[&str]) -> SessionKeySettings {
        let old_keys = old.iter().copied().map(Secret::new).collect();
        SessionKeySettings { old_keys, ..SessionKeySettings::one(Secret::new(key)) }
    }

    fn keys(settings: &SessionKeySettings) -> SessionKeys {
        SessionKeys::new(settings).unwrap()
    }

    #[test]
    fn keys_change_without_signing_anybody_out() {
        let before = keys(&hs(FIRST, &[])).sign(&claims()).unwrap();
        let changed = keys(&hs(SECOND, &[FIRST]));
        assert_eq!(changed.verify::<Value>(&before).unwrap(), claims());
        let after = changed.sign(&claims()).unwrap();
        assert!(keys(&hs(FIRST, &[])).verify::<Value>(&after).is_err());

        let own = SigningKey::generate();
        let public = own.verifying();
        let eddsa = SessionKeySettings { eddsa_key: Some(own), ..hs(SECOND, &[FIRST]) };
        let eddsa = keys(&eddsa);
        for token in [&before, &after, &eddsa.sign(&claims()).unwrap()] {
            assert_eq!(eddsa.verify::<Value>(token).unwrap(), claims());
        }
        let next = SessionKeySettings { eddsa_old_keys: vec![public], ..hs(SECOND, &[]) };
        let next = keys(&next);
        assert_eq!(next.verify::<Value>(&eddsa.sign(&claims()).unwrap()).unwrap(), claims());
        assert_eq!(next.jwks(), eddsa.jwks());
        // Who takes a key away signs out those who had tokens of it.
        assert!(next.verify::<Value>(&before).is_err());
    }

    #[test]
    fn tokens_from_before_keys_had_names_stay_good() {
        let key = EncodingKey::from_secret(FIRST.as_bytes());
        let old = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &key).unwrap();
        assert!(keys(&hs(SECOND, &[FIRST])).verify::<Value>(&old).is_ok());
        assert!(keys(&hs(SECOND, &[])).verify::<Value>(&old).is_err());
        let expired = json!({ "id": "u", "exp": 1 });
        let expired = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &expired, &key).unwrap();
        let refusal = keys(&hs(SECOND, &[FIRST])).verify::<Value>(&expired).unwrap_err();
        assert!(matches!(refusal.kind(), ErrorKind::ExpiredSignature));
    }

    #[test]
    fn no_algorithm_but_the_keys_own_is_taken() {
        let own = SigningKey::generate();
        let public = own.verifying();
        let keys = keys(&SessionKeySettings { eddsa_key: Some(own), ..hs(FIRST, &[]) });
        let name = public.name();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for kid in [json!(name), json!(name_of_secret(FIRST)), Value::Null] {
            for signature in ["", "AAAA"] {
                let header = json!({ "alg": "none", "typ": "JWT", "kid": kid });
                let token = format!("{}.{}.{signature}", part(&header), part(&claims()));
                assert!(keys.verify::<Value>(&token).is_err(), "alg none with kid {kid}");
            }
        }
        // The public key, in each of its forms, taken for a secret.
        for secret in [public.to_pem().unwrap().as_bytes(), public.as_bytes(), public.x().as_bytes()] {
            for kid in [Some(name.clone()), None] {
                let header = Header { kid, ..Header::new(Algorithm::HS256) };
                let token =
                    jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
                assert!(keys.verify::<Value>(&token).is_err());
            }
        }
        // A key of the forger's own, under the name of ours, and one that brings itself along.
        let theirs = SigningKey::generate().encoding().unwrap();
        let header = named(Header::new(Algorithm::EdDSA), name);
        let token = jsonwebtoken::encode(&header, &claims(), &theirs).unwrap();
        assert!(keys.verify::<Value>(&token).is_err());
    }
}
