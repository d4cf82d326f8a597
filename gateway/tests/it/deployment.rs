//! What the mesh is deployed with, `deploy/compose.yaml` and `deploy/kubernetes`: the processes start with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use counseling_svc::CounselingConfig;
use payment_svc::PaymentConfig;
use serde::Deserialize;
use shared::config::Source;
use shared::keys::SigningKey;
use shared::service::ServiceConfig;
use shared::testkit::{self, without_cargo};

/// A process, as `deploy/manifests.py environments` tells it.
#[derive(Deserialize)]
struct Started {
    #[serde(rename = "where")]
    place: String,
    name: String,
    environment: BTreeMap<String, String>,
    files: Vec<String>,
}

/// What `deploy/manifests.py` says, or nothing where there is no Python that can run what it needs.
fn manifests(command: &str) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests.py");
    let output = Command::new("python3").arg(script).arg(command).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    if error.contains("needs Python 3.11 or newer") {
        eprintln!("skipped: {error}");
        return None;
    }
    assert!(output.status.success(), "{error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn manifests_keep_their_schemas_and_name_variables_that_are_read() {
    if let Some(said) = manifests("check") {
        assert!(said.contains("13 processes and 2 overlays"), "{said}");
    }
}

#[test]
fn what_is_wrong_in_manifests_is_found() {
    manifests("test");
}

/// Writes what a file of this name holds, and tells where.
fn write(folder: &Path, file: &str) -> PathBuf {
    let key = SigningKey::generate();
    let text = match file {
        _ if file.contains("verifying") => key.verifying().to_pem().unwrap(),
        _ if file.contains("signing") => key.to_pem().unwrap().expose().to_owned(),
        _ => "a secret that is long enough for every key there is".to_owned(),
    };
    let path = folder.join(file.replace('/', "-"));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_process_takes_what_it_is_started_with() {
    let Some(told) = manifests("environments") else { return };
    let all: Vec<Started> = serde_json::from_str(&told).unwrap();
    assert!(all.len() >= 12, "{told}");
    for Started { place, name, mut environment, files } in all {
        let folder = tempfile::tempdir().unwrap();
        for file in &files {
            let written = write(folder.path(), file);
            for value in environment.values_mut().filter(|value| *value == file) {
                written.to_str().unwrap().clone_into(value);
            }
        }
        let source = Source::new(environment);
        let wrong = match name.as_str() {
            "gateway" => gateway::Config::read(source).err(),
            "user-svc" => ServiceConfig::read(source, 50051).err(),
            "counseling-svc" => CounselingConfig::read(source).err(),
            "payment-svc" => PaymentConfig::read(source).err(),
            other => panic!("{place}: {other} is none of ours"),
        };
        assert!(wrong.is_none(), "{place}: {name}: {wrong:?}");
    }
}

/// What a rehearsal in `deploy` says at its end.
fn rehearse(script: &str) -> String {
    for binary in ["gateway", "user-svc", "counseling-svc", "payment-svc", "meshctl"] {
        testkit::binary(binary);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(script);
    let mut command = Command::new("python3");
    command.arg(script);
    without_cargo(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn what_was_backed_up_is_there_again() {
    assert_eq!(rehearse("rehearse.py"), "everything that was there at the backup is there again\n");
}

#[test]
fn compose_starts_a_mesh_that_works() {
    if manifests("check").is_none() {
        return;
    }
    let said = rehearse("compose/rehearse.py");
    match said.strip_prefix("skipped: ") {
        Some(reason) => eprintln!("skipped: {reason}"),
        None => assert!(said.contains("every replica of compose.yaml starts"), "{said}"),
    }
}
