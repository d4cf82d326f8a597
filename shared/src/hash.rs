//! Hashes of what must be recognised but not kept.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The SHA-256 (FIPS 180-4) of a text, in hexadecimal. Unsalted: only for texts that nobody can find by trying.
pub fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string never fails.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_example_has_its_hash() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), expected);
    }
}
