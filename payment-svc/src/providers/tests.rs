//! Notices, whatever is in them.

use std::collections::HashMap;
use std::time::Duration;

use shared::config::Secret;
use shared::testkit::Corpus;
use shared::time::Clock;

use super::sandbox::Sandbox;
use super::stripe::Stripe;
use super::toss::Toss;
use super::{HttpSettings, Notice, NoticeRefusal, Provider, signature};

fn settings() -> HttpSettings {
    HttpSettings { url: "http://127.0.0.1:9".to_owned(), limit: Duration::from_secs(1) }
}

fn secret() -> Secret {
    Secret::new("whsec_1")
}

/// Reads what the provider has signed, in the header of this name. What is read names an order or a payment of ours.
fn check(provider: &dyn Provider, header: &str, corpus: &str) {
    let now = Clock::system().now();
    Corpus::of(env!("CARGO_MANIFEST_DIR"), corpus).check(file!(), |body| {
        let signed = HashMap::from([(header.to_owned(), signature::sign(&secret(), body, now))]);
        match provider.read_notice(&signed, body, now) {
            Ok(Some(Notice { order_id, payment_key })) => {
                assert!(order_id.is_some() || payment_key.is_some());
                let is_plain = |text: &String| {
                    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                };
                assert!(order_id.iter().chain(&payment_key).all(is_plain), "{order_id:?} {payment_key:?}");
            }
            Ok(None) => {}
            Err(refusal) => assert_eq!(refusal, NoticeRefusal::Body),
        }
        if provider.signs_notices() {
            let other =
                HashMap::from([(header.to_owned(), signature::sign(&Secret::new("other"), body, now))]);
            assert_eq!(provider.read_notice(&other, body, now), Err(NoticeRefusal::Signature));
        }
    });
}

#[test]
fn a_notice_of_stripe_names_what_may_be_ours_or_is_refused() {
    let stripe = Stripe::new(settings(), &secret(), "pk".to_owned(), secret()).unwrap();
    check(&stripe, "stripe-signature", "stripe-notices");
}

#[test]
fn a_notice_of_toss_payments_names_what_may_be_ours_or_is_refused() {
    check(&Toss::new(settings(), &secret(), "ck".to_owned()).unwrap(), "none", "toss-notices");
}

#[test]
fn a_notice_of_the_sandbox_names_what_may_be_ours_or_is_refused() {
    check(&Sandbox::new(settings(), &secret(), secret()).unwrap(), "sandbox-signature", "sandbox-notices");
}
