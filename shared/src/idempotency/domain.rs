//! Claims of keys.

use crate::hash::sha256_hex;
use crate::id::check_id;
use crate::{Error, Violations};

/// The longest name of an operation, in bytes.
const OPERATION_LIMIT: usize = 64;
/// The hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// What a request with a key claims for it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose key it is.
    pub user_id: String,
    /// What is asked for: lower-case letters and underscores, at most 64 of them.
    pub operation: String,
    /// The SHA-256 of the key, in lower-case hexadecimal.
    pub key_hash: String,
    /// The SHA-256 of the request, in lower-case hexadecimal.
    pub request_hash: String,
    /// A UUID: what the key stands for if it stands for nothing yet.
    pub id: String,
}

impl Claim {
    /// # Errors
    /// [`Error::Invalid`] with every field that breaks its rule.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        violations.check(
            (1..=OPERATION_LIMIT).contains(&self.operation.len()) && self.operation.bytes().all(is_name),
            "operation",
            "must be 1 to 64 lower-case letters and underscores",
        );
        for (field, hash) in [("key_hash", &self.key_hash), ("request_hash", &self.request_hash)] {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            violations.check(
                hash.len() == HASH_DIGITS && hash.bytes().all(is_digit),
                field,
                "must be a SHA-256 in lower-case hexadecimal",
            );
        }
        check_id("id", &self.id, &mut violations);
        violations.into_result()
    }

    /// Under which name it is kept: no two users share one, nor do two operations.
    pub(super) fn name(&self) -> String {
        // The unit separator is in none of them, so different words never join to the same text.
        sha256_hex(&[&*self.user_id, &*self.operation, &*self.key_hash].join("\u{1f}"))
    }
}
