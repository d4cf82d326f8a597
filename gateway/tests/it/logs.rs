//! What is logged while these tests run, by the gateway and by every service: no line may hold a token, a key, what
//! somebody said, or who they are. The first line that does ends the whole run, whichever test is at work.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The beginning of every JWT, of private keys, and the secrets of these tests.
const SECRETS: [&str; 5] = [
    "eyJ",
    "PRIVATE KEY",
    crate::world::SESSION_KEY,
    crate::sign_in::provider::SECRET,
    "a token for the provider's own API",
];
const LEVELS: &str = "info,gateway=trace,shared=trace,user_svc=trace,counseling_svc=trace,payment_svc=trace";

/// What was said, and who people are.
static PERSONAL: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Listens from now on.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(LEVELS))
            .with_ansi(false)
            .with_writer(Listener)
            .init();
    });
}

/// Notes what of a request nobody may log.
pub fn note(body: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    for name in ["message", "nickname"] {
        // What is shorter may stand in a line by chance.
        if let Some(text) = body[name].as_str().filter(|text| text.chars().count() >= 8) {
            let mut personal = PERSONAL.lock().unwrap();
            if !personal.iter().any(|known| known == text) && personal.len() < 500 {
                personal.push(text.to_owned());
            }
        }
    }
}

/// The secret that a line holds.
fn secret_in(line: &str) -> Option<String> {
    let known = SECRETS.iter().map(|secret| (*secret).to_owned());
    let personal = PERSONAL.lock().unwrap();
    known.chain(personal.iter().cloned()).find(|secret| line.contains(secret.as_str()))
}

#[derive(Clone, Copy)]
struct Listener;

impl Write for Listener {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(secret) = secret_in(&text) {
            eprintln!("a log line holds {secret:?}:\n{text}");
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Listener {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[test]
fn a_line_with_a_secret_is_noticed() {
    note(br#"{ "message": "nobody may read this in a log" }"#);
    for line in ["token=eyJhbGciOi", "said=\"nobody may read this in a log\"", crate::world::SESSION_KEY] {
        assert!(secret_in(line).is_some(), "{line}");
    }
    assert_eq!(secret_in("INFO gateway: ready address=127.0.0.1:8080"), None);
}
