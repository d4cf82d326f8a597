//! Signatures of notices: `t=<seconds>,v1=<HMAC-SHA256 of "<t>.<body>", hexadecimal>`, as Stripe makes them
//! (<https://docs.stripe.com/webhooks#verify-manually>) and the sandbox, too.

use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::config::Secret;
use shared::time::Timestamp;

use super::NoticeRefusal;

/// By how much a notice may be older or newer than now.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Signs a body.
pub fn sign(secret: &Secret, body: &[u8], now: Timestamp) -> String {
    let seconds = now.as_micros() / 1_000_000;
    let mut signature = format!("t={seconds},v1=");
    for byte in mac(secret, seconds, body).finalize().into_bytes() {
        // Writing to a string never fails.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

/// Whether a signature is of this body, and of now. While a secret is changed a provider signs with both: one good
/// signature is enough.
///
/// # Errors
/// Why not.
pub fn verify(secret: &Secret, signature: &str, body: &[u8], now: Timestamp) -> Result<(), NoticeRefusal> {
    let parts = || signature.split(',').filter_map(|part| part.trim().split_once('='));
    let seconds =
        parts().find_map(|(name, value)| if name == "t" { value.parse::<i64>().ok() } else { None });
    let seconds = seconds.ok_or(NoticeRefusal::Signature)?;
    let good = parts().filter(|(name, _)| *name == "v1").any(|(_, hex)| {
        // Compared in constant time.
        bytes(hex).is_some_and(|bytes| mac(secret, seconds, body).verify_slice(&bytes).is_ok())
    });
    if !good {
        return Err(NoticeRefusal::Signature);
    }
    let at = Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    if at < now.minus(TOLERANCE) || at > now.plus(TOLERANCE) { Err(NoticeRefusal::Age) } else { Ok(()) }
}

fn mac(secret: &Secret, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    // A key may be of any length.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).unwrap_or_else(|_| unreachable!());
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    mac
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    // Numbers may have a sign where signatures may not.
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_signature_is_good_for_its_body_its_secret_and_a_while() {
        let (secret, other) = (Secret::new("whsec_1"), Secret::new("whsec_2"));
        let signature = sign(&secret, b"{}", at(1000));
        assert_eq!(verify(&secret, &signature, b"{}", at(1000)), Ok(()));
        assert_eq!(verify(&secret, &signature, b"{}", at(1300)), Ok(()));
        assert_eq!(verify(&secret, &signature, b"{ }", at(1000)), Err(NoticeRefusal::Signature));
        assert_eq!(verify(&other, &signature, b"{}", at(1000)), Err(NoticeRefusal::Signature));
        for now in [1301, 699] {
            assert_eq!(verify(&secret, &signature, b"{}", at(now)), Err(NoticeRefusal::Age), "{now}");
        }
        // Another time would make an old notice new.
        let moved = signature.replace("t=1000", "t=2000");
        assert_eq!(verify(&secret, &moved, b"{}", at(2000)), Err(NoticeRefusal::Signature));
    }

    #[test]
    fn nothing_but_the_signature_is_taken_for_it() {
        let (secret, body, now) = (Secret::new("whsec_1"), b"{}", at(1_767_323_045));
        let good = sign(&secret, body, now);
        let hex = good.split_once("v1=").unwrap().1.to_owned();
        let corpus = Corpus::of(env!("CARGO_MANIFEST_DIR"), "signatures");
        let check = |text: &str| {
            let taken = verify(&secret, text, body, now).is_ok();
            assert!(!taken || text.to_lowercase().contains(&format!("v1={hex}")), "{text}");
        };
        corpus.check_text(file!(), |text| {
            check(text);
            check(&text.replace("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", &hex));
        });
    }

    #[test]
    fn one_of_several_signatures_is_enough_and_nonsense_is_none() {
        let secret = Secret::new("whsec_1");
        let good = sign(&secret, b"{}", at(1000));
        let hex = good.split_once("v1=").unwrap().1;
        let both = format!("t=1000,v1=00,v1={hex},v0=x");
        assert_eq!(verify(&secret, &both, b"{}", at(1000)), Ok(()));
        for nonsense in ["", "t=1000", "v1=00", "t=x,v1=00", "t=1000,v1=0", "t=1000,v1=zz", "t=1000,v1=é1"] {
            assert_eq!(
                verify(&secret, nonsense, b"{}", at(1000)),
                Err(NoticeRefusal::Signature),
                "{nonsense}"
            );
        }
    }
}
