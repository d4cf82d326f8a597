//! The aggregate `Customer`.

use shared::hash::sha256_hex;
use shared::id::new_id;
use shared::time::Timestamp;

/// Somebody who can pay, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub user_hash: UserHash,
    pub state: CustomerState,
    pub created_at: Timestamp,
}

/// Whether a customer still is somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerState {
    Active {
        user_id: String,
    },
    /// The user was erased. What hangs on the customer stays, without saying whose it was, and nothing makes the
    /// customer active again.
    Anonymized {
        at: Timestamp,
    },
}

impl Customer {
    /// The customer of a user.
    pub fn of(user_id: &str, now: Timestamp) -> Self {
        let state = CustomerState::Active { user_id: user_id.to_owned() };
        Self { id: new_id(), user_hash: UserHash::of(user_id), state, created_at: now }
    }

    /// Of a user who was erased before anything else was heard of them.
    pub fn erased(user_id: &str, now: Timestamp) -> Self {
        let state = CustomerState::Anonymized { at: now };
        Self { id: new_id(), user_hash: UserHash::of(user_id), state, created_at: now }
    }

    /// Forgets whose customer it is; false when that has happened.
    pub fn anonymize(&mut self, now: Timestamp) -> bool {
        match self.state {
            CustomerState::Active { .. } => {
                self.state = CustomerState::Anonymized { at: now };
                true
            }
            CustomerState::Anonymized { .. } => false,
        }
    }

    /// Whose customer it is, unless the user was erased.
    pub fn user_id(&self) -> Option<&str> {
        match &self.state {
            CustomerState::Active { user_id } => Some(user_id),
            CustomerState::Anonymized { .. } => None,
        }
    }

    /// When it was made forgotten whose customer it is.
    pub fn anonymized_at(&self) -> Option<Timestamp> {
        match self.state {
            CustomerState::Active { .. } => None,
            CustomerState::Anonymized { at } => Some(at),
        }
    }
}

/// The SHA-256 (FIPS 180-4) of a user id, in hexadecimal.
///
/// User ids are random UUIDs: who does not know one already cannot find it by trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserHash(String);

impl UserHash {
    pub fn of(user_id: &str) -> Self {
        Self(sha256_hex(user_id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash that was computed when it was stored.
    pub(super) fn stored(hex: String) -> Self {
        Self(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn an_anonymized_customer_does_not_say_whose_it_was() {
        let mut customer = Customer::of("u", at(1));
        assert_eq!((customer.user_id(), customer.anonymized_at()), (Some("u"), None));
        assert!(customer.anonymize(at(2)));
        assert_eq!((customer.user_id(), customer.anonymized_at()), (None, Some(at(2))));
        assert_eq!(customer.created_at, at(1));
    }

    #[test]
    fn a_customer_is_anonymized_once() {
        let mut customer = Customer::of("u", at(1));
        assert!(customer.anonymize(at(2)));
        assert!(!customer.anonymize(at(3)));
        assert_eq!(customer.anonymized_at(), Some(at(2)));
        assert!(!Customer::erased("u", at(1)).anonymize(at(2)));
    }

    #[test]
    fn the_hash_alone_knows_an_erased_user_again() {
        let (known, erased) = (Customer::of("u", at(1)), Customer::erased("u", at(1)));
        assert_eq!(known.user_hash, erased.user_hash);
        assert_ne!(known.user_hash, UserHash::of("somebody else"));
        // FIPS 180-4 example: the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(UserHash::of("abc").as_str(), expected);
    }
}
