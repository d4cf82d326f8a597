//! The reference of the configuration, `docs/configuration.md`.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use counseling_svc::CounselingConfig;
use payment_svc::PaymentConfig;
use shared::config::Source;
use shared::config::reference::{Asked, MEANINGS, render};
use shared::service::ServiceConfig;

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
