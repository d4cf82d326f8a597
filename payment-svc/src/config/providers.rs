//! The configuration of the providers that move money. Each is set up when its keys are there, all of them: a provider
//! that has collected is needed for as long as its orders may be refunded, also once another one collects.

use std::time::Duration;

use shared::config::{Secret, Source};

use crate::providers::HttpSettings;

/// How Toss Payments is reached.
#[derive(Clone, Debug)]
pub struct TossConfig {
    /// `TOSS_URL`, `PAYMENT_TIMEOUT` (seconds).
    pub http: HttpSettings,
    /// `TOSS_SECRET_KEY`.
    pub secret_key: Secret,
    /// `TOSS_CLIENT_KEY`: clients are told.
    pub client_key: String,
}

/// How Stripe is reached.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// `STRIPE_URL`, `PAYMENT_TIMEOUT` (seconds).
    pub http: HttpSettings,
    /// `STRIPE_SECRET_KEY`.
    pub secret_key: Secret,
    /// `STRIPE_PUBLISHABLE_KEY`: clients are told.
    pub publishable_key: String,
    /// `STRIPE_WEBHOOK_SECRET`.
    pub webhook_secret: Secret,
}

/// Toss Payments, if any of its keys is there, or it is `needed`.
pub(super) fn read_toss(source: &mut Source, limit: Duration, needed: bool) -> Option<TossConfig> {
    let http = read_http(source, "toss.url", "https://api.tosspayments.com", limit);
    let [secret_key, client_key] = read_keys(source, ["toss.secret.key", "toss.client.key"], needed)?;
    Some(TossConfig { http, secret_key, client_key: client_key.expose().to_owned() })
}

/// Stripe, if any of its keys is there, or it is `needed`.
pub(super) fn read_stripe(source: &mut Source, limit: Duration, needed: bool) -> Option<StripeConfig> {
    let http = read_http(source, "stripe.url", "https://api.stripe.com", limit);
    let keys = ["stripe.secret.key", "stripe.publishable.key", "stripe.webhook.secret"];
    let [secret_key, publishable_key, webhook_secret] = read_keys(source, keys, needed)?;
    let publishable_key = publishable_key.expose().to_owned();
    Some(StripeConfig { http, secret_key, publishable_key, webhook_secret })
}

fn read_http(source: &mut Source, key: &str, default: &str, limit: Duration) -> HttpSettings {
    let url = source.or(key, default.to_owned()).trim_end_matches('/').to_owned();
    let is_here = ["http://127.0.0.1:", "http://localhost:"].iter().any(|here| url.starts_with(here));
    if !url.starts_with("https://") && !is_here {
        source.refuse(key, "must begin with https://, or anybody on the way reads the keys");
    }
    HttpSettings { url, limit }
}

/// All keys of a provider; of some but not all, each that is missing is named.
fn read_keys<const N: usize>(source: &mut Source, keys: [&str; N], needed: bool) -> Option<[Secret; N]> {
    let found = keys.map(|key| source.optional_secret(key, 1));
    if needed || found.iter().any(Option::is_some) {
        for (key, _) in keys.iter().zip(&found).filter(|(_, value)| value.is_none()) {
            source.refuse(key, "is missing");
        }
    }
    let found: Vec<_> = found.into_iter().flatten().collect();
    found.try_into().ok()
}

#[cfg(test)]
mod tests {
    use shared::config::Source;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn source(variables: &[(&str, &str)]) -> Source {
        Source::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_provider_is_set_up_when_its_keys_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "sk_file\n").unwrap();
        let mut both = source(&[
            ("TOSS_SECRET_KEY_FILE", file.to_str().unwrap()),
            ("TOSS_CLIENT_KEY", "ck"),
            ("TOSS_URL", "http://127.0.0.1:9/"),
        ]);
        let toss = read_toss(&mut both, LIMIT, true).unwrap();
        assert_eq!((toss.secret_key.expose(), toss.client_key.as_str()), ("sk_file", "ck"));
        assert_eq!(toss.http, HttpSettings { url: "http://127.0.0.1:9".to_owned(), limit: LIMIT });
        assert!(read_stripe(&mut both, LIMIT, false).is_none());
        both.finish(|| Some(())).unwrap();
    }

    #[test]
    fn every_key_that_is_missing_is_named() {
        for (variables, needed) in [(&[][..], true), (&[("STRIPE_SECRET_KEY", "sk")][..], false)] {
            let mut source = source(variables);
            assert!(read_stripe(&mut source, LIMIT, needed).is_none());
            let error = source.finish(|| Some(())).unwrap_err().to_string();
            assert!(error.contains("STRIPE_PUBLISHABLE_KEY: is missing"), "{error}");
            assert!(error.contains("STRIPE_WEBHOOK_SECRET: is missing"), "{error}");
            assert_eq!(error.contains("STRIPE_SECRET_KEY"), variables.is_empty(), "{error}");
        }
    }

    #[test]
    fn keys_are_not_sent_in_the_clear() {
        let mut plain = source(&[("STRIPE_URL", "http://api.stripe.com")]);
        assert!(read_stripe(&mut plain, LIMIT, false).is_none());
        assert!(plain.finish(|| Some(())).unwrap_err().to_string().contains("STRIPE_URL"));
    }
}
