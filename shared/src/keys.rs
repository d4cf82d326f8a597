//! Ed25519 keys (RFC 8032): one party signs, and whoever has the public key verifies and cannot sign.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::Error;
use crate::config::Secret;
use crate::hash::sha256_hex;

const END: &str = "-----END PUBLIC KEY-----";

/// A private key.
#[derive(Clone)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
}

/// A public key.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    key: ed25519_dalek::VerifyingKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// A new one.
    pub fn generate() -> Self {
        Self::from_seed(&rand::random())
    }

    /// The one that belongs to 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: ed25519_dalek::SigningKey::from_bytes(seed) }
    }

    /// From PKCS #8 (RFC 8410) in PEM.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(pem: &Secret) -> Result<Self, Error> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem.expose());
        Ok(Self { key: key.map_err(|_| Error::internal("this is no Ed25519 key in PKCS #8 and PEM"))? })
    }

    /// As PKCS #8 in PEM.
    ///
    /// # Errors
    /// Never: every key can be written.
    pub fn to_pem(&self) -> Result<Secret, Error> {
        let pem =
            self.key.to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Secret::new(pem.as_str()))
    }

    /// For signing JWTs.
    ///
    /// # Errors
    /// Never: every key can be written.
    pub fn encoding(&self) -> Result<EncodingKey, Error> {
        let der = self.key.to_pkcs8_der().map_err(|error| Error::internal(error.to_string()))?;
        Ok(EncodingKey::from_ed_der(der.as_bytes()))
    }

    /// The public key that belongs to it.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey { key: self.key.verifying_key() }
    }
}

impl VerifyingKey {
    /// From PEM, one after the other.
    ///
    /// # Errors
    /// When one is none.
    pub fn all_from_pem(pem: &Secret) -> Result<Vec<Self>, Error> {
        let blocks = pem.expose().split_inclusive(END).map(str::trim).filter(|block| !block.is_empty());
        let parsed = blocks.map(ed25519_dalek::VerifyingKey::from_public_key_pem);
        parsed
            .map(|key| {
                Ok(Self { key: key.map_err(|_| Error::internal("this is no public Ed25519 key in PEM"))? })
            })
            .collect()
    }

    /// As PEM.
    ///
    /// # Errors
    /// Never: every key can be written.
    pub fn to_pem(&self) -> Result<String, Error> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|error| Error::internal(error.to_string()))
    }

    /// Its name, for `kid`: the beginning of its hash.
    pub fn name(&self) -> String {
        sha256_hex(&self.x())[..16].to_owned()
    }

    /// The member `x` of its JWK (RFC 8037, section 2).
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.as_bytes())
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// For verifying JWTs.
    ///
    /// # Errors
    /// Never: every key can be written.
    pub fn decoding(&self) -> Result<DecodingKey, Error> {
        DecodingKey::from_ed_components(&self.x()).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let (one, other) = (SigningKey::generate(), SigningKey::generate());
        let again = SigningKey::from_pem(&one.to_pem().unwrap()).unwrap();
        assert_eq!(again.verifying().name(), one.verifying().name());
        let both = format!("{}\n{}", one.verifying().to_pem().unwrap(), other.verifying().to_pem().unwrap());
        let read = VerifyingKey::all_from_pem(&Secret::new(both)).unwrap();
        let names: Vec<_> = read.iter().map(VerifyingKey::name).collect();
        assert_eq!(names, [one.verifying().name(), other.verifying().name()]);
        assert!(SigningKey::from_pem(&Secret::new("no key")).is_err());
        assert!(VerifyingKey::all_from_pem(&Secret::new("no key")).is_err());
    }
}
