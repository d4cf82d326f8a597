//! The aggregate `Session`: a family of refresh tokens, of which the newest is good.

use std::time::Duration;

use shared::hash::sha256_hex;
use shared::time::{SKEW, Timestamp};

/// How long a token that was replaced is still taken, because the answer with the new one may have been lost. Whoever replaced
/// it may have another clock.
const GRACE: Duration = Duration::from_secs(10).saturating_add(SKEW);

/// A user who is signed in on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub user_id: String,
    /// What the client said it is.
    pub device: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// When its newest token expires.
    pub expires_at: Timestamp,
    /// When it was closed, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// A refresh token as it is kept: nobody can sign in with what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub hash: TokenHash,
    pub session_id: String,
    pub user_id: String,
    pub expires_at: Timestamp,
    /// When it was replaced, if it was.
    pub rotated_at: Option<Timestamp>,
}

/// The SHA-256 (FIPS 180-4) of a refresh token, in hexadecimal.
///
/// Refresh tokens hold a signature of 256 bits, so that they cannot be found by trying: no salt or stretching needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        Self(sha256_hex(token))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash that was computed when it was stored.
    pub(super) fn stored(hex: String) -> Self {
        Self(hex)
    }
}

/// Why a refresh token is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user does not hold it, or holds it no more.
    #[error("the refresh token is not known")]
    NotFound,
    #[error("the refresh token has expired")]
    Expired,
    /// It was replaced before: two hold what one was given.
    #[error("the refresh token was replaced before; its session is closed")]
    Reused,
}

impl Session {
    /// A new one.
    pub fn open(id: &str, user_id: &str, device: &str, expires_at: Timestamp, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            user_id: user_id.to_owned(),
            device: device.to_owned(),
            created_at: now,
            last_used_at: now,
            expires_at,
            revoked_at: None,
        }
    }

    /// A token of it.
    pub fn token(&self, token: &str) -> RefreshToken {
        RefreshToken {
            hash: TokenHash::of(token),
            session_id: self.id.clone(),
            user_id: self.user_id.clone(),
            expires_at: self.expires_at,
            rotated_at: None,
        }
    }

    /// Notes a use that makes it last until `expires_at`.
    pub fn extend(&mut self, expires_at: Timestamp, now: Timestamp) {
        self.last_used_at = now;
        self.expires_at = expires_at;
    }

    /// Closes it; false when it is closed already.
    pub fn revoke(&mut self, now: Timestamp) -> bool {
        let is_open = self.revoked_at.is_none();
        if is_open {
            self.revoked_at = Some(now);
        }
        is_open
    }
}

impl RefreshToken {
    /// Judges the token that `user_id` shows.
    ///
    /// # Errors
    /// Why nobody holds it.
    pub fn held_by(self, user_id: &str, now: Timestamp) -> Result<Self, Refusal> {
        if self.user_id != user_id {
            Err(Refusal::NotFound)
        } else if self.expires_at <= now {
            Err(Refusal::Expired)
        } else {
            Ok(self)
        }
    }

    /// Notes that another one takes its place.
    ///
    /// # Errors
    /// [`Refusal::Reused`] when one did so before, and not just now.
    pub fn rotate(&mut self, now: Timestamp) -> Result<(), Refusal> {
        match self.rotated_at {
            Some(before) if before.plus(GRACE) < now => Err(Refusal::Reused),
            Some(_) => Ok(()),
            None => {
                self.rotated_at = Some(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn token() -> RefreshToken {
        Session::open("s", "u", "phone", at(100), at(0)).token("secret")
    }

    #[test]
    fn a_hash_is_sha_256_in_hexadecimal() {
        // FIPS 180-4 example: the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of("abc").as_str(), expected);
    }

    #[test]
    fn a_refresh_token_is_good_for_its_user_until_it_expires() {
        assert_eq!(token().held_by("u", at(99)), Ok(token()));
        assert_eq!(token().held_by("u", at(100)), Err(Refusal::Expired));
        assert_eq!(token().held_by("somebody else", at(1)), Err(Refusal::NotFound));
    }

    #[test]
    fn a_replaced_token_is_taken_for_ten_seconds_more_by_every_clock() {
        let mut token = token();
        assert_eq!(token.rotate(at(20)), Ok(()));
        assert_eq!(token.rotate(at(60)), Ok(()));
        assert_eq!(token.rotated_at, Some(at(20)), "the grace does not begin again");
        assert_eq!(token.rotate(at(61)), Err(Refusal::Reused));
    }

    #[test]
    fn a_session_is_closed_once() {
        let mut session = Session::open("s", "u", "", at(100), at(0));
        session.extend(at(200), at(50));
        assert_eq!((session.last_used_at, session.expires_at), (at(50), at(200)));
        assert!(session.revoke(at(60)));
        assert!(!session.revoke(at(70)));
        assert_eq!(session.revoked_at, Some(at(60)));
    }
}
