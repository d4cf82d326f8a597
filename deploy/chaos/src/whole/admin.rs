//! Somebody with admin authority, as the gateway knows them by their access token.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use shared::id::{derived_id, new_id};
use shared::time::Clock;

/// What the gateways sign access tokens with.
pub const SESSION_KEY: &str = "a key that only chaos uses, and nobody else";
/// How long a token of an admin is good, in seconds.
const LIFETIME: i64 = 600;

/// A new access token of an admin.
///
/// # Errors
/// Never: the key signs.
pub fn admin_token() -> Result<String, jsonwebtoken::errors::Error> {
    let now = Clock::system().now().as_micros() / 1_000_000;
    let claims = json!({
        "id": derived_id(&["admin", "chaos"]),
        "auth_channel": "AUTH_CHANNEL_UNLINKED",
        "authority": "AUTHORITY_ADMIN",
        "typ": "access",
        "jti": new_id(),
        "iat": now,
        "exp": now + LIFETIME,
    });
    jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(SESSION_KEY.as_bytes()),
    )
}
