//! The reference of the configuration, `docs/configuration.md`.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use counseling_svc::CounselingConfig;
use payment_svc::PaymentConfig;
use shared::config::Source;
use shared::config::reference::{Asked, MEANINGS, render};
use shared::service::ServiceConfig;
use shared::testkit::mesh_signing_key;

/// What a process asks its environment for.
fn asked(read: impl FnOnce(Source)) -> Vec<Asked> {
    let (told, heard): (Sender<Asked>, _) = channel();
    read(Source::telling(told));
    heard.into_iter().collect()
}

/// `deploy/just config-reference` sets `WRITE_REFERENCE`, and the file is written anew.
#[test]
fn the_reference_is_what_the_processes_read() {
    let processes = [
        ("gateway", asked(|source| drop(gateway::Config::read(source)))),
        ("user-svc", asked(|source| drop(ServiceConfig::read(source, 50051)))),
        ("counseling-svc", asked(|source| drop(CounselingConfig::read(source)))),
        ("payment-svc", asked(|source| drop(PaymentConfig::read(source)))),
    ];
    let meanings = [gateway::MEANINGS, MEANINGS, counseling_svc::MEANINGS, payment_svc::MEANINGS].concat();
    let text = render(&processes, &meanings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "docs/configuration.md is not current: run `deploy/just config-reference`");
}

#[test]
fn nothing_is_refused_in_development_because_the_machine_is_busy() {
    let key = mesh_signing_key().to_pem().unwrap();
    let limits = |others: &[(&str, &str)]| {
        let needed = [
            ("MESH_SIGNING_KEY", key.expose()),
            ("SESSION_KEY", "a key that only this test uses, and nobody"),
        ];
        let variables = needed.iter().chain(others);
        let source = Source::new(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = gateway::Config::read(source).unwrap();
        (config.edge.queue_limit, config.upstream.min_concurrency, config.upstream.concurrency)
    };
    assert_eq!(limits(&[]), (Duration::from_millis(10), 8, 1024));
    assert_eq!(limits(&[("DEVELOPMENT", "true")]), (Duration::ZERO, 1024, 1024));
    let chosen = [("DEVELOPMENT", "true"), ("QUEUE_LIMIT", "0.05"), ("UPSTREAM_CONCURRENCY_MIN", "4")];
    assert_eq!(limits(&chosen), (Duration::from_millis(50), 4, 1024));
}
